"""Catalogues that come with the platform: where ontologies and citations are found.

Belongs here: one YAML file for each built-in catalogue (`sample`, `public`). Does not: code
(settings reads them) or the data that the sample's catalogue points to (sample).
"""
