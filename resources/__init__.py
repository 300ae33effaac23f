"""Where the science runs and is kept: thin Dagster resources over plain classes.

Belongs here: configuration with descriptions, and handing it to a class of `kazu_platform` that
does the work and has its own tests. Does not: anything that can be decided without Dagster or Ray.
"""
