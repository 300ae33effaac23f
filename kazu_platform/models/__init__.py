"""Trained models that come with the platform.

Belongs here: `ner/`, the folder of the model that reads texts where no other was promoted (see
`ner.model_files` for what is in one). Does not: code, or what was trained on this machine, which
is an artifact below `KAZU_HOME`.
"""
