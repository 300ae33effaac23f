"""Text: what a string is before it means anything. Functions of strings and nothing else.

Belongs here: normalising names, folding for matching, sentences, abbreviations. Does not: finding
mentions (ner), what a name stands for (ontologies, linking), reading files (citations).
"""
