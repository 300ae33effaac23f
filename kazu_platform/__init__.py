"""Kazu Platform: biomedical literature to linked entities to a knowledge graph.

This package is the science: it knows neither Dagster nor Ray, and runs in a notebook, a worker or
a test. `resources` is where it runs and is kept; `assets` is the graph.
"""
