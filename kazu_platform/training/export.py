"""Export: from a trained module to a model folder.

The same weights give the same file, byte by byte, with one version of `onnx`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kazu_platform.documents import digest
from kazu_platform.ner.model_files import (
    CARD,
    FORMAT_VERSION,
    NETWORK,
    VOCABULARY,
    ModelFiles,
    read_model_files,
)
from kazu_platform.ner.network import Module, parts_of, write_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onnx import ModelProto
    from transformers import BertConfig

    from kazu_platform.ner.model_files import ModelDescription
    from kazu_platform.training.graph import Network

EXPORT_VERSION: Final = "1"


def export_model(  # noqa: PLR0913 - what a model is made of
    network: Module,
    folder: Path,
    *,
    vocabulary: Sequence[str],
    description: ModelDescription,
    card: str,
    int8: bool = True,
    int8_embeddings: bool = True,
    weights: bool = False,
) -> ModelFiles:
    """Write a model folder, and read it again as a check.

    Args:
        network: A module that holds a BertModel and one linear layer, in evaluation mode.
        folder: Where to; it may exist, as that of a staged artifact does.
        vocabulary: The pieces.
        description: What it finds; the outputs of the linear layer are in its order.
        card: The model card, in Markdown.
        int8: Quantise the products.
        int8_embeddings: Quantise the embeddings of the pieces.
        weights: Write the weights in bfloat16 too, for GPUs.

    Raises:
        ValueError: network, vocabulary and description do not fit each other.
    """
    _check(network, vocabulary, description)
    content = onnx_bytes(
        network,
        max_pieces=description.max_pieces,
        int8=int8,
        int8_embeddings=int8_embeddings,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NETWORK).write_bytes(content)
    (folder / VOCABULARY).write_text("\n".join(vocabulary) + "\n", "utf-8")
    (folder / CARD).write_text(card, "utf-8")
    if weights:
        write_network(network, folder)
    description.write(folder)
    return read_model_files(folder)


def onnx_bytes(
    network: Module,
    *,
    max_pieces: int,
    int8: bool = True,
    int8_embeddings: bool = True,
) -> bytes:
    """The network as an ONNX file; see `graph` for how it is quantised.

    Raises:
        ValueError: it is not a BertModel with exact GELU and one linear layer, or has not so many
            positions.
    """
    encoder, head = parts_of(network)
    parts = ((encoder, ""), (head, "head."))
    writer = _writer(encoder.config, parts, max_pieces, int8=int8, int8_embeddings=int8_embeddings)
    return _bytes_of(writer.model())


def vector_bytes(
    encoder: Module,
    head: Module | None,
    *,
    max_pieces: int,
    int8: bool = True,
    int8_embeddings: bool = True,
) -> bytes:
    """An encoder that makes a unit vector of a text, as an ONNX file.

    Args:
        encoder: A BertModel.
        head: A linear layer that the mean of all pieces goes through, or none.
        max_pieces: Pieces of the longest text.
        int8: Quantise the products.
        int8_embeddings: Quantise the embeddings of the pieces.

    Raises:
        ValueError: it is not a BertModel with exact GELU, or has not so many positions.
    """
    parts = ((encoder, ""), *(() if head is None else ((head, "head."),)))
    writer = _writer(encoder.config, parts, max_pieces, int8=int8, int8_embeddings=int8_embeddings)
    return _bytes_of(writer.vectors())


def _bytes_of(model: ModelProto) -> bytes:
    """The same model, the same bytes."""
    return model.SerializeToString(deterministic=True)


def _writer(
    config: BertConfig,
    parts: Sequence[tuple[Module, str]],
    max_pieces: int,
    *,
    int8: bool,
    int8_embeddings: bool,
) -> Network:
    """What writes the modules, whose weights begin with what stands beside them."""
    from kazu_platform.training.graph import Network

    if config.hidden_act != "gelu":
        raise ValueError(f"the network has {config.hidden_act}, only gelu can be exported")
    if config.max_position_embeddings < max_pieces:
        raise ValueError(
            f"the network has {config.max_position_embeddings} positions, windows have {max_pieces}"
        )
    arrays = {
        name: each.detach().float().cpu().numpy()
        for part, prefix in parts
        for name, each in ((prefix + key, value) for key, value in part.state_dict().items())
        if each.is_floating_point()
    }
    shape = {
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "eps": config.layer_norm_eps,
        "max_pieces": max_pieces,
    }
    return Network(arrays, shape, int8=int8, int8_embeddings=int8_embeddings)


def export_version(*, int8: bool = True, int8_embeddings: bool = True) -> str:
    """Changes when the same network may be written as another file."""
    return digest("export", EXPORT_VERSION, str(FORMAT_VERSION), str(int8), str(int8_embeddings))


def _check(network: Module, vocabulary: Sequence[str], description: ModelDescription) -> None:
    encoder, head = parts_of(network)
    if encoder.config.vocab_size != len(vocabulary):
        raise ValueError(
            f"the network knows {encoder.config.vocab_size} pieces, the vocabulary has "
            f"{len(vocabulary)}"
        )
    if head.out_features != description.n_outputs:
        raise ValueError(
            f"the network has {head.out_features} outputs, {len(description.classes)} classes "
            f"have {description.n_outputs}"
        )
