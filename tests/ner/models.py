"""Small networks with random weights, and model folders of them, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.ner.model_files import ModelDescription
from kazu_platform.ner.network import build_network
from kazu_platform.ner.pieces import SPECIAL

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.ner.decoding import Scheme
    from kazu_platform.ner.model_files import ModelFiles
    from kazu_platform.ner.network import Module

CLASSES = ("gene", "disease", "chemical", "species", "cell_line", "cell_type")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;()-+/"
VOCABULARY = (
    *SPECIAL,
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *("egfr", "gene", "cancer", "breast", "##mab", "in", "of", "the", "and", "cells"),
)
MAX_PIECES = 32


def random_network(seed: int = 0, *, vocabulary: int = len(VOCABULARY)) -> Module:
    """A network of two narrow layers that is sure of some words and not of others."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        type_vocab_size=6,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    head = torch.nn.Linear(32, 2 * len(CLASSES) + 1)
    return build_network(BertModel(config, add_pooling_layer=False), head).eval()


def description(scheme: Scheme = "BIO", max_pieces: int = MAX_PIECES) -> ModelDescription:
    return ModelDescription(CLASSES, scheme, max_pieces, dict.fromkeys(CLASSES, 0.5))


def model_folder(folder: Path, seed: int = 0, **options: bool) -> ModelFiles:
    """Export a random network."""
    from kazu_platform.training.export import export_model

    return export_model(
        random_network(seed),
        folder,
        vocabulary=VOCABULARY,
        description=description(),
        card="# A random network\n",
        **options,
    )
