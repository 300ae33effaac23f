"""The graph: a module for each layer of the picture, each asset a few lines.

Belongs here: reading tables, one call into the science, writing tables, reporting; partitions,
checks, jobs and automation, a module each. Does not: anything about data that could be wrong
without Dagster.
"""
