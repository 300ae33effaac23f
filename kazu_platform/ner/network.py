"""The network of our models in PyTorch: an encoder and a dense layer on each piece."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kazu_platform.errors import ArtifactError
from kazu_platform.ner.model_files import ENCODER, NETWORK, WEIGHTS, has_weights

if TYPE_CHECKING:
    from pathlib import Path

Module = Any
"""A module of PyTorch, which is imported where it is used."""
Tensor = Any


def build_network(encoder: Module, head: Module) -> Module:
    """A module whose forward takes ids, mask and shapes and gives the logits of each piece.

    Args:
        encoder: A BertModel.
        head: A linear layer.
    """
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.head = encoder, head

        def forward(self, ids: Tensor, mask: Tensor, shapes: Tensor) -> Tensor:
            read = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=shapes)
            return self.head(read.last_hidden_state)

    return Network()


def parts_of(network: Module) -> tuple[Module, Module]:
    """The encoder and the dense layer of a module that holds one of each, whatever their names.

    Raises:
        ValueError: it has no BertModel, or not one linear layer outside of it.
    """
    from torch.nn import Linear
    from transformers import BertModel

    encoders = [each for each in network.modules() if isinstance(each, BertModel)]
    inner = {id(each) for encoder in encoders for each in encoder.modules()}
    heads = [e for e in network.modules() if isinstance(e, Linear) and id(e) not in inner]
    if len(encoders) != 1 or len(heads) != 1:
        raise ValueError(
            f"a network is a BertModel and a linear layer, this one has {len(encoders)} and "
            f"{len(heads)}"
        )
    return encoders[0], heads[0]


def write_network(network: Module, folder: Path) -> None:
    """Write the weights in bfloat16, and the shape of the encoder, beside a model."""
    import torch
    from safetensors.torch import save_file

    encoder, head = parts_of(network)
    weights = build_network(encoder, head).state_dict()
    save_file(
        {name: each.to(torch.bfloat16).contiguous() for name, each in weights.items()},
        str(folder / WEIGHTS),
    )
    (folder / ENCODER).write_text(encoder.config.to_json_string(), "utf-8")


def read_network(folder: Path, n_outputs: int) -> Module:
    """The network of a model folder in float32, ready to be used.

    It has the weights that `write_network` wrote, or, in a folder without them, those that the
    quantised graph stands for.

    Raises:
        ArtifactError: neither can be read, or the network has another number of outputs.
    """
    from torch.nn import Linear
    from transformers import BertConfig, BertModel

    shape, weights = _written(folder) if has_weights(folder) else _dequantised(folder)
    if len(weights["head.bias"]) != n_outputs:
        raise ArtifactError(
            f"{folder} has a network of {len(weights['head.bias'])} outputs, its classes have "
            f"{n_outputs}; export it again."
        )
    config = BertConfig.from_dict(shape)
    encoder = BertModel(config, add_pooling_layer=False)
    network = build_network(encoder, Linear(config.hidden_size, n_outputs))
    network.load_state_dict(weights)
    return network.eval()


def _written(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors.torch import load_file

    shape = json.loads((folder / ENCODER).read_bytes())
    return shape, {name: each.float() for name, each in load_file(folder / WEIGHTS).items()}


def _dequantised(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    import torch

    from kazu_platform.ner.dequantised import read_graph

    shape, weights = read_graph(folder / NETWORK)
    return shape, {name: torch.from_numpy(each) for name, each in weights.items()}
