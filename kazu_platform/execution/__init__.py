"""Execution: how a step meets a corpus of any size, and how a poison document costs itself only.

Belongs here: what a step is, cutting passages into micro-batches, running a step in this process
with bisection. Does not: Ray and machines (resources), what a step computes (the other rooms).
"""
