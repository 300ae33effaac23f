"""What each command does, composed of the rooms below; a front door, like `definitions`.

Belongs here: reading settings, calling the science, printing. Does not: anything that a notebook
would want to call.
"""
