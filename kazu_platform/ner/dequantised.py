"""The weights of a network, read from the graph that it was exported as.

A folder that is shipped holds the graph alone, whose weights are bytes with scales. A GPU computes
floating-point numbers faster than such bytes, so it is given what the bytes stand for: nothing more
is lost, and the activations, which a processor rounds too, are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kazu_platform.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

Weights = dict[str, "NDArray[np.float32]"]
_ATTENTION = ("query", "key", "value")
_NORMS = {"attention.output.LayerNorm": "attention.output.norm", "output.LayerNorm": "output.norm"}


def read_graph(path: Path) -> tuple[dict[str, Any], Weights]:
    """The shape of the encoder and the weights of the network, in float32.

    Args:
        path: `model.onnx` of a model folder, as `training.graph` writes it, quantised or not.

    Returns:
        Arguments of a BertConfig; weights by their names in PyTorch (`network.build_network`).

    Raises:
        ArtifactError: it is no such graph.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path)).graph
        found = _Constants(
            {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
        )
        layers = sum(node.op_type == "MultiHeadAttention" for node in graph.node)
        weights = found.weights(layers)
        shape = {
            "num_attention_heads": _attribute(graph, "MultiHeadAttention", "num_heads").i,
            "layer_norm_eps": _attribute(graph, "LayerNormalization", "epsilon").f,
        }
    except (DecodeError, KeyError, StopIteration, ValueError) as error:
        raise ArtifactError(
            f"The weights of {path} cannot be read ({type(error).__name__}: {error}); copy the "
            "whole folder again, or export the model with its weights."
        ) from None
    return shape | _sizes(weights, layers), weights


class _Constants:
    """Arrays of a graph by their names in it."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def weights(self, layers: int) -> Weights:
        """All of them, by their names in PyTorch."""
        found: Weights = {
            "encoder.embeddings.word_embeddings.weight": self._values("pieces"),
            "encoder.embeddings.position_embeddings.weight": self._values("positions"),
            "encoder.embeddings.token_type_embeddings.weight": self._values("shapes_of_words"),
            "head.weight": self._values("head").T,
            "head.bias": self._values("head.bias"),
            **self._norm("encoder.embeddings.LayerNorm", "embeddings.norm"),
        }
        for number in range(layers):
            name = f"encoder.layer.{number}."
            whole = self._dense(f"{name}attention.self.query")
            for key, both in whole.items():  # the three stand one beside the other
                for part, each in zip(_ATTENTION, np.split(both, len(_ATTENTION)), strict=True):
                    found[f"encoder.{name}attention.self.{part}.{key}"] = each
            for part in ("attention.output.dense", "intermediate.dense", "output.dense"):
                for key, each in self._dense(f"{name}{part}").items():
                    found[f"encoder.{name}{part}.{key}"] = each
            for part, norm in _NORMS.items():
                found |= self._norm(f"encoder.{name}{part}", f"{name}{norm}")
        return {name: np.ascontiguousarray(each) for name, each in found.items()}

    def _values(self, name: str) -> NDArray[np.float32]:
        """An array; one of bytes has its scales beside it."""
        values, scale = self._arrays[name], self._arrays.get(f"{name}.scale")
        return values.astype(np.float32) if scale is None else values * scale

    def _dense(self, name: str) -> Weights:
        """Weight and bias, outputs as rows."""
        return {"weight": self._values(name).T, "bias": self._values(f"{name}.bias")}

    def _norm(self, name: str, named: str) -> Weights:
        return {f"{name}.{part}": self._values(f"{named}.{part}") for part in ("weight", "bias")}


def _sizes(weights: Weights, layers: int) -> dict[str, int]:
    tables = {
        name: weights[f"encoder.embeddings.{name}_embeddings.weight"]
        for name in ("word", "position", "token_type")
    }
    return {
        "vocab_size": len(tables["word"]),
        "hidden_size": tables["word"].shape[1],
        "num_hidden_layers": layers,
        "intermediate_size": len(weights["encoder.encoder.layer.0.intermediate.dense.bias"]),
        "type_vocab_size": len(tables["token_type"]),
        "max_position_embeddings": len(tables["position"]),
    }


def _attribute(graph: Any, operator: str, name: str) -> Any:  # noqa: ANN401 - it gives no types
    """An attribute of the first operator of its kind; those of all layers are the same."""
    node = next(each for each in graph.node if each.op_type == operator)
    return next(each for each in node.attribute if each.name == name)
