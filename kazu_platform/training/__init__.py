"""Training: from labelled and unlabelled text to a model folder that the detector opens.

Belongs here: whatever PyTorch is needed for before a model is in use. Does not: reading with it
(ner), measuring it (evaluation).
"""
