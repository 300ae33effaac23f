"""Evaluation: what a detector finds, measured against what people marked.

Belongs here: reading gold, tags, strict precision, recall and F1 with their intervals. Does not:
finding mentions (ner), deciding what to do about a figure (assets).
"""
