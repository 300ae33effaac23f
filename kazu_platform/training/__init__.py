"""Training: what a model learns from, and learning it.

Belongs here: reading corpora, keeping test sets out of them, labels that a detector gives; the
network, its vocabulary, adaptation, fine-tuning, distillation and export, which need torch. Does
not: what a word is and what a model is at inference (ner), gold for figures (evaluation).
"""
