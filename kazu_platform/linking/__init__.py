"""Linking: from the string of a mention to ranked concepts.

Belongs here: surfaces, candidate search, ranking, disambiguation, the linking index. Does not:
finding mentions (ner), what a concept is (ontologies), how strings are normalised (text).
"""
