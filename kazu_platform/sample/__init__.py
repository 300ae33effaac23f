"""The embedded sample: small ontologies and invented citations, so that all runs offline.

Belongs here: data files and their README. Does not: code; the catalogue that lists the files is
`kazu_platform/catalogues/sample.yaml`.
"""
