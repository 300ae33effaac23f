"""The network: a BERT encoder, and a dense layer whose outputs are read word by word.

TinyBERN2 (section 3.1 of its paper) puts a sigmoid over 2k + 1 outputs of each token. Here the
logits of a word are the mean of its pieces' logits, in training as at inference: no piece alone
decides, and no piece is left without a target.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import BertConfig, BertModel

from kazu_platform.errors import TrainingError
from kazu_platform.ner.pieces import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kazu_platform.training.encoded import Batch
    from kazu_platform.training.vocabulary import Vocabulary

MAX_PIECES: Final = 256
WEIGHTS: Final = "model.safetensors"
SIZES: Final = "network.json"
PIECES: Final = "pieces.txt"
_ANY_SIZE: Final = [
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Measures of a network; `outputs` 0 is an encoder without a dense layer."""

    n_pieces: int
    layers: int
    outputs: int = 0
    hidden: int = 384
    heads: int = 12
    inner: int = 1536
    dropout: float = 0.1


class Network(nn.Module):
    """An encoder and, if it has outputs, a dense layer over each piece."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = BertModel(
            BertConfig(
                vocab_size=sizes.n_pieces,
                hidden_size=sizes.hidden,
                num_hidden_layers=sizes.layers,
                num_attention_heads=sizes.heads,
                intermediate_size=sizes.inner,
                hidden_dropout_prob=sizes.dropout,
                attention_probs_dropout_prob=sizes.dropout,
                max_position_embeddings=MAX_PIECES,
                type_vocab_size=len(Shape),
            ),
            add_pooling_layer=False,
        )
        self.dense = nn.Linear(sizes.hidden, sizes.outputs) if sizes.outputs else None

    def hidden(self, ids: Tensor, mask: Tensor | None, shapes: Tensor) -> Tensor:
        """Last hidden states. Shapes: three times (batch, pieces) to (batch, pieces, hidden).

        No mask says that every place holds a piece, which is faster.
        """
        # Where sizes change from batch to batch, cuDNN would plan anew each time: 0.1 s on a GPU.
        with nullcontext() if mask is None else sdpa_kernel(_ANY_SIZE):
            return self.encoder(
                input_ids=ids, attention_mask=mask, token_type_ids=shapes
            ).last_hidden_state

    def forward(self, ids: Tensor, mask: Tensor, shapes: Tensor) -> Tensor:
        """Logits of each piece, as they are exported. Shape: (batch, pieces, outputs)."""
        if self.dense is None:
            raise ValueError("an encoder without a dense layer has no outputs")
        return self.dense(self.hidden(ids, mask, shapes))

    def words(self, batch: Batch) -> Tensor:
        """Logits of each word of a batch, in 32 bits. Shape: (words, outputs)."""
        if self.dense is None:
            raise ValueError("an encoder without a dense layer has no outputs")
        hidden = self.hidden(batch.ids, batch.mask, batch.shapes)
        states = of_words(hidden, batch.word, int(batch.n_words.sum()))
        return self.dense(states).float()


def of_words(states: Tensor, word: Tensor, n_words: int) -> Tensor:
    """Mean of the states of each word's pieces. Shape: (n_words, hidden), in 32 bits.

    Args:
        states: Shape: (batch, pieces, hidden).
        word: Word of each piece, -1 for none. Shape: (batch, pieces).
        n_words: How many there are, each with a piece.
    """
    # What belongs to no word goes to one more: to pick the others out, a GPU would have to stop.
    where = torch.where(word < 0, n_words, word).flatten()
    total = torch.zeros(n_words + 1, states.shape[-1], device=states.device)
    total.index_add_(0, where, states.flatten(0, 1).float())
    count = torch.zeros(n_words + 1, device=states.device)
    count.index_add_(0, where, torch.ones_like(where, dtype=torch.float32))
    return total[:-1] / count[:-1].unsqueeze(1)


def device_of(network: nn.Module) -> torch.device:
    """Where the parameters of a network are."""
    return next(network.parameters()).device


def starting_network(folder: Path, vocabulary: Vocabulary, *, seed: int) -> Network:
    """An encoder of six layers from a folder with general BERT weights of that size.

    New pieces start as the mean of their parts, stretched to the length of an average row; every
    shape starts as the one token type of the starting weights.

    Args:
        folder: `model.safetensors` and `config.json` as Hugging Face writes them.
        vocabulary: Chosen from the folder's `vocab.txt`.
        seed: For what is drawn at random, which is nothing that lasts.

    Raises:
        OSError: a file is missing.
    """
    from safetensors.torch import load_file

    torch.manual_seed(seed)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    network = Network(
        Sizes(
            n_pieces=len(vocabulary.pieces),
            layers=config["num_hidden_layers"],
            hidden=config["hidden_size"],
            heads=config["num_attention_heads"],
            inner=config["intermediate_size"],
        )
    )
    weights = {
        name.removeprefix("bert."): value for name, value in load_file(folder / WEIGHTS).items()
    }
    table = weights["embeddings.word_embeddings.weight"]
    weights["embeddings.word_embeddings.weight"] = _rows_of(table, vocabulary.sources)
    positions = weights["embeddings.position_embeddings.weight"]
    weights["embeddings.position_embeddings.weight"] = positions[:MAX_PIECES]
    types = weights["embeddings.token_type_embeddings.weight"]
    weights["embeddings.token_type_embeddings.weight"] = types[:1].repeat(len(Shape), 1)
    own = network.encoder.state_dict()
    network.encoder.load_state_dict({name: weights[name] for name in own if name in weights})
    return network


def _rows_of(table: Tensor, sources: Sequence[Sequence[int]]) -> Tensor:
    rows = torch.stack([table[list(each)].mean(dim=0) for each in sources])
    lengths = table.norm(dim=1)[[each[0] for each in sources]]
    return rows * (lengths / rows.norm(dim=1)).unsqueeze(1)


def derived(
    network: Network, *, outputs: int, dropout: float, seed: int, layers: Sequence[int] = ()
) -> Network:
    """A network that begins as the encoder of another, or as some of its layers.

    Args:
        network: Whose embeddings and layers to take.
        outputs: Outputs of the new dense layer; 0 for none.
        dropout: Of the new network.
        seed: For the dense layer.
        layers: Which layers, in order; by default all.

    Raises:
        TrainingError: the network has no such layer; says how many there are.
    """
    there = range(network.sizes.layers)
    missing = sorted(set(layers).difference(there))
    if missing:
        raise TrainingError(
            f"there is no layer {', '.join(map(str, missing))}: the network has {len(there)}, "
            f"numbered from 0 to {len(there) - 1}; correct `layers` of the recipe."
        )
    torch.manual_seed(seed)
    layers = layers or there
    student = Network(
        replace(network.sizes, layers=len(layers), outputs=outputs, dropout=dropout)
    ).to(device_of(network))
    student.encoder.embeddings.load_state_dict(network.encoder.embeddings.state_dict())
    for own, layer in enumerate(layers):
        student.encoder.encoder.layer[own].load_state_dict(
            network.encoder.encoder.layer[layer].state_dict()
        )
    return student


def save_network(network: Network, pieces: Sequence[str], folder: Path) -> None:
    """Write a network with its vocabulary to a folder, which is made."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    (folder / SIZES).write_text(json.dumps(asdict(network.sizes), indent=1) + "\n", "utf-8")
    (folder / PIECES).write_text("\n".join(pieces) + "\n", "utf-8")


def load_network(folder: Path) -> Network:
    """Read what `save_network` wrote.

    Raises:
        OSError: a file is missing.
    """
    from safetensors.torch import load_file

    network = Network(Sizes(**json.loads((folder / SIZES).read_text("utf-8"))))
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network
