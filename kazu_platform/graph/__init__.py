"""Graph: from links to co-occurrence counts, Biolink nodes and edges, and their exports.

Belongs here: counting within a file, adding files up, ontology edges, KGX. Does not: finding
concepts (linking), where tables are kept (storage).
"""
