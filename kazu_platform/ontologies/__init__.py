"""Ontologies: from a file as its makers publish it to the vocabulary tables.

Readers are streaming and treat every file as hostile; what they cannot read is set aside with its
line, and the rest is read.

Belongs here: readers of OBO, OBO graphs, OWL, MeSH, taxdump and tables, CURIEs, what a concept and
its names are, how large a vocabulary should be, the hierarchy. Does not: how strings are normalised
(text), matching (ner), linking (linking), where files come from (storage).
"""
