"""Annotated documents as files that other programs read: JSON lines, PubTator, HTML.

Belongs here: writing what was found in a document, to a file or as rows of a table, and reading it
back. Does not: finding it (ner, linking), or the input formats of a corpus (citations).
"""
