"""Domain adaptation: masked language modelling of an encoder on unlabelled text.

Whole words are masked (a quarter; of these eight tenths by [MASK], one tenth by another piece, one
tenth left), with their shape, which would tell too much. Texts lie one after the other in rows of
equal length, so nothing is padding. The starting weights have no such head: a small one is made,
its last layer tied to the embeddings, and thrown away at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kazu_platform.documents import digest
from kazu_platform.ner.pieces import CLASSIFY, MASK, SEPARATE, SPECIAL, Shape, WordPieces
from kazu_platform.ner.words import split_words
from kazu_platform.training.encoded import Encoded, encode, sent
from kazu_platform.training.loop import train
from kazu_platform.training.network import device_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.training.loop import Run
    from kazu_platform.training.network import Network

MASKED: Final = 0.25
_BY_MASK, _BY_ANOTHER = 0.8, 0.1
_CLASSIFY, _SEPARATE, _MASK = (SPECIAL.index(piece) for piece in (CLASSIFY, SEPARATE, MASK))


@dataclass(frozen=True, slots=True)
class Rows:
    """Running text cut into rows of equal length.

    `ids`, `shapes` and `word` (counted through the row; -1 for [CLS] and [SEP]) have the shape
    (rows, length).
    """

    ids: NDArray[np.int32]
    shapes: NDArray[np.int8]
    word: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Masked:
    """Rows with some words hidden: where (flat places) and which pieces stood there."""

    ids: Tensor
    shapes: Tensor
    places: Tensor
    hidden: Tensor

    def to(self, device: torch.device) -> Masked:
        """The same on a device."""
        each = (self.ids, self.shapes, self.places, self.hidden)
        ids, shapes, places, hidden = (sent(tensor, device) for tensor in each)
        return Masked(ids, shapes, places, hidden)


def rows_of(encoded: Encoded, length: int) -> Rows:
    """Put texts one after the other, [SEP] behind each, and cut them into rows.

    A row begins with [CLS]. The last, incomplete row is left out.
    """
    borders = encoded.piece[encoded.word[1:]]
    ids = np.insert(encoded.ids, borders, _SEPARATE)
    shapes = np.insert(encoded.shapes, borders, Shape.NONE)
    sizes = np.diff(encoded.piece)
    word = np.insert(np.repeat(np.arange(len(sizes)), sizes), borders, -1)
    width = length - 1
    count = len(ids) // width
    cut = [each[: count * width].reshape(count, width) for each in (ids, shapes, word)]
    first = np.where(cut[2] < 0, np.iinfo(np.int64).max, cut[2]).min(axis=1, keepdims=True)
    own = np.where(cut[2] < 0, -1, cut[2] - first)
    edge = np.ones((count, 1), np.int64)
    return Rows(
        np.concatenate([edge * _CLASSIFY, cut[0]], axis=1).astype(np.int32),
        np.concatenate([edge * Shape.NONE, cut[1]], axis=1).astype(np.int8),
        np.concatenate([edge * -1, own], axis=1).astype(np.int16),
    )


def read_rows(
    texts: Sequence[str], pieces: WordPieces, length: int, *, at_once: int = 2_000
) -> Rows:
    """Rows of many texts, taken apart some at a time."""
    parts: list[Rows] = []
    for start in range(0, len(texts), at_once):
        words = split_words(texts[start : start + at_once])
        parts.append(rows_of(encode(words.strings, words.first, pieces), length))
    return Rows(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.shapes for part in parts]),
        np.concatenate([part.word for part in parts]),
    )


def save_rows(rows: Rows, path: Path) -> None:
    """Write rows to a file, which is whole if it is there."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, ids=rows.ids, shapes=rows.shapes, word=rows.word)
    part.replace(path)


def load_rows(path: Path) -> Rows:
    """Read what `save_rows` wrote."""
    with np.load(path) as found:
        return Rows(found["ids"], found["shapes"], found["word"])


def masked(rows: Rows, which: NDArray[np.int64], n_pieces: int, seed: Sequence[int]) -> Masked:
    """Hide some words of some rows; the same ones for the same seed."""
    generator = np.random.default_rng(seed)
    ids, shapes, word = (
        each[which].astype(np.int64) for each in (rows.ids, rows.shapes, rows.word)
    )
    chance = generator.random((len(which), word.max() + 1))
    drawn = np.take_along_axis(chance, np.maximum(word, 0), axis=1)
    is_hidden = (word >= 0) & (drawn < MASKED)
    kind = drawn / MASKED
    there = ids[is_hidden]
    another = generator.integers(len(SPECIAL), n_pieces, ids.shape)
    by_mask, by_another = kind < _BY_MASK, kind < _BY_MASK + _BY_ANOTHER
    replaced = np.where(by_mask, _MASK, np.where(by_another, another, ids))
    ids = np.where(is_hidden, replaced, ids)
    shapes = np.where(is_hidden, Shape.NONE, shapes)
    return Masked(
        torch.from_numpy(ids),
        torch.from_numpy(shapes),
        torch.from_numpy(np.flatnonzero(is_hidden)),
        torch.from_numpy(there),
    )


class MaskedModel(nn.Module):
    """An encoder with a head that says which pieces were hidden."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        hidden = network.sizes.hidden
        self.dense = nn.Linear(hidden, hidden)
        self.dense_norm = nn.LayerNorm(hidden)
        self.dense_bias = nn.Parameter(torch.zeros(network.sizes.n_pieces))

    def forward(self, batch: Masked) -> Tensor:
        """Cross-entropy of the hidden pieces; only their places go through the head."""
        states = self.network.hidden(batch.ids, None, batch.shapes)
        hidden = states.reshape(-1, states.shape[-1])[batch.places]
        guess = self.dense_norm(functional.gelu(self.dense(hidden)))
        table = self.network.encoder.embeddings.word_embeddings.weight
        return functional.cross_entropy((guess @ table.T).float() + self.dense_bias, batch.hidden)


def adapt(
    network: Network, rows: Rows, run: Run, *, batch: int = 32
) -> Sequence[Mapping[str, float]]:
    """Train an encoder in place to guess hidden words of rows of text.

    Args:
        network: The encoder.
        rows: Running text.
        run: Steps and rates.
        batch: Rows of a step.

    Returns:
        The curve, with `loss` in nats of a hidden piece.

    Raises:
        TrainingError: there are fewer rows than a batch, or the loss is no number.
    """
    seed = run.plan.seed
    torch.manual_seed(seed)
    model = MaskedModel(network).to(device_of(network))

    def batches(epoch: int) -> Iterator[Masked]:
        for start, which in enumerate(batches_of_rows(rows, batch, (seed, epoch))):
            hidden = masked(rows, which, network.sizes.n_pieces, (seed, epoch, start))
            yield hidden.to(device_of(network))

    return train(
        model,
        run,
        batches,
        lambda each: {"loss": model(each)},
        identity=digest("masked", identity_of_rows(rows), str(batch)),
    )


def batches_of_rows(rows: Rows, batch: int, seed: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Which rows the batches of an epoch have; what is left over is left out."""
    order = np.random.default_rng(seed).permutation(len(rows.ids))
    for start in range(0, len(order) - batch + 1, batch):
        yield order[start : start + batch]


def identity_of_rows(rows: Rows) -> str:
    """Says which text a run is on."""
    return digest(str(rows.ids.shape), str(int(rows.ids.sum())), str(int(rows.ids[:, 1].sum())))
