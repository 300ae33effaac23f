"""Training: from labelled text and starting weights to a small model. Needs torch."""
