"""Reports: what a curator should look at in the vocabularies, weighed by the mentions it touches.

Belongs here: conflicts between names, names that are English words, differences between two
versions of a vocabulary and what they would do to the lake. Does not: deciding anything
(curation), measuring against gold (evaluation).
"""
