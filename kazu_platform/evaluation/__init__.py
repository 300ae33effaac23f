"""Evaluation: what a detector finds, measured against what people marked.

Belongs here: reading gold, tags, precision, recall and F1 with their intervals, the comparison of
two models. Does not: finding mentions (ner), deciding what to do about a figure (assets).
"""
