"""Names as rows of word pieces where a network is: a batch is then a few numbers to send.

Names are short, so the rows of all of them, padded, are a few hundred bytes each. A batch is read
in parts of like length, whose widths are multiples of four: little of it is padding, and a GPU sees
few sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.nn import functional

from kazu_platform.documents import digest
from kazu_platform.ner.pieces import CLASSIFY, PAD, SEPARATE, SPECIAL, Shape
from kazu_platform.ner.words import split_words
from kazu_platform.training.encoded import encode, ranges, sent, shortened
from kazu_platform.training.network import device_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kazu_platform.ner.pieces import WordPieces
    from kazu_platform.training.network import Network

ALIGNMENT_NAMES: Final = pa.schema(
    {
        "entity_class": pa.string(),
        "name": pa.string(),
        "concept_id": pa.string(),
        "concept": pa.int32(),
        "kin": pa.int32(),
        "held_out": pa.bool_(),
    }
)
"""What a linking encoder learns from, and is measured on.

Sorted by class, concept and name; concepts and kin are numbered through all classes.
"""
_PAD, _CLASSIFY, _SEPARATE = (SPECIAL.index(piece) for piece in (PAD, CLASSIFY, SEPARATE))
_WIDER: Final = 4
_READ_AT_ONCE: Final = {"cpu": 4_096, "cuda": 262_144}
"""Pieces, padding included, where nothing is learnt."""
_PARTS: Final = {"cpu": 8, "cuda": 4}
"""Of a batch: a GPU would rather have some padding than more to start."""
AS_WRITTEN, IN_LOWER_CASE, IN_CAPITALS = 0, 1, 2


def identity_of_names(names: pa.Table) -> str:
    """Says which names a run is on."""
    columns = [names[column].to_numpy() for column in ("concept", "kin", "held_out")]
    numbers = np.stack(columns).astype(np.int64)
    return digest("\n".join(names["name"].to_pylist()), numbers.tobytes().hex())


@dataclass(frozen=True, slots=True)
class NameTable:
    """Names as a network reads them.

    Attributes:
        ids: Pieces, [CLS] and [SEP] around them. Shape: (n_names, most), on the network's device.
        shapes: Shape of each piece's word. The same shape and place.
        lengths: Pieces of each name, [CLS] and [SEP] included. Shape: (n_names,), here.
    """

    ids: Tensor
    shapes: Tensor
    lengths: NDArray[np.int64]

    @classmethod
    def of(
        cls, names: Sequence[str], pieces: WordPieces, *, most: int, device: torch.device
    ) -> NameTable:
        """Take names apart.

        Args:
            names: The names.
            pieces: The vocabulary.
            most: Pieces of the longest row; of longer names the first words, as an engine reads
                them.
            device: Where the rows are to be.
        """
        words = split_words(names)
        encoded = encode(words.strings, words.first, pieces)
        begin = encoded.word[:-1]
        n_words = shortened(encoded, most)
        lengths = encoded.piece[begin + n_words] - encoded.piece[begin]
        # Of a first word that does not fit its first pieces.
        lengths = np.where((n_words == 0) & (encoded.lengths > 0), most - 2, lengths)
        ids = np.full((len(names), most), _PAD, np.int32)
        shapes = np.zeros((len(names), most), np.int8)
        row, place = ranges(lengths)
        source = encoded.piece[begin][row] + place
        ids[:, 0] = _CLASSIFY
        ids[np.arange(len(names)), lengths + 1] = _SEPARATE
        ids[row, place + 1] = encoded.ids[source]
        shapes[row, place + 1] = encoded.shapes[source]
        return cls(
            torch.from_numpy(ids).to(device), torch.from_numpy(shapes).to(device), lengths + 2
        )


@dataclass(frozen=True, slots=True)
class NameBatch:
    """Some rows of a table, longest first.

    Attributes:
        rows: Which. Shape: (n,).
        recased: How each is read: AS_WRITTEN, IN_LOWER_CASE or IN_CAPITALS. Shape: (n,).
        parts: First row, one past the last, and width of each part.
    """

    rows: Tensor
    recased: Tensor
    parts: tuple[tuple[int, int, int], ...]


def batch_of_names(
    table: NameTable,
    rows: NDArray[np.int64],
    *,
    recased: NDArray[np.int8] | None = None,
    n_parts: int | None = None,
) -> NameBatch:
    """Sort rows by length and cut them into parts of as many rows each.

    Args:
        table: Whose rows.
        rows: Which.
        recased: How each is read; by default as it is written.
        n_parts: How many parts; by default what suits the device.
    """
    device = table.ids.device
    n_parts = min(n_parts or _PARTS[device.type], len(rows))
    order = np.argsort(-table.lengths[rows], kind="stable")
    lengths = table.lengths[rows[order]]
    borders = np.linspace(0, len(rows), n_parts + 1).astype(np.int64).tolist()
    widest = table.ids.shape[1]
    parts = tuple(
        (first, end, min(widest, -(-int(lengths[first]) // _WIDER) * _WIDER))
        for first, end in pairwise(borders)
    )
    how = np.zeros(len(rows), np.int8) if recased is None else recased[order]
    return NameBatch(
        sent(torch.from_numpy(rows[order]), device), sent(torch.from_numpy(how), device), parts
    )


def read_names(network: Network, table: NameTable, batch: NameBatch) -> Tensor:
    """Unit vectors of a batch, in its order. Shape: (n, width), in 32 bits."""
    found: list[Tensor] = []
    for first, end, width in batch.parts:
        rows = batch.rows[first:end]
        ids = table.ids[rows, :width].long()
        shapes = _recased(table.shapes[rows, :width].long(), batch.recased[first:end, None])
        found.append(pooled(network, ids, (ids != _PAD).long(), shapes))
    return torch.cat(found)


def pooled(network: Network, ids: Tensor, mask: Tensor, shapes: Tensor) -> Tensor:
    """The mean of all pieces, through the dense layer if there is one, at unit length.

    The mean and not [CLS]: guessing hidden words taught an encoder to say something at every
    piece, and at [CLS] nothing.

    Args:
        network: An encoder; its outputs, if it has any, are the dimensions.
        ids: Shape: (batch, pieces), as the others.
        mask: 1 where there is a piece.
        shapes: Token types.

    Returns:
        Shape: (batch, dimensions).
    """
    hidden = network.hidden(ids, mask, shapes).float()
    weights = mask.unsqueeze(2).float()
    mean = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
    if network.dense is not None:
        mean = network.dense(mean).float()
    return functional.normalize(mean, dim=1)


def vectors_of(network: Network, table: NameTable, rows: NDArray[np.int64]) -> Tensor:
    """Unit vectors of rows, in the order given, where the network is. Shape: (n, dimensions)."""
    was_training = network.training
    network.eval()
    device = device_of(network)
    found: list[Tensor] = []
    order = np.argsort(-table.lengths[rows], kind="stable")
    longest_first = rows[order]
    with (
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"),
    ):
        start = 0
        while start < len(rows):
            fit = max(1, _READ_AT_ONCE[device.type] // int(table.lengths[longest_first[start]]))
            part = longest_first[start : start + fit]
            found.append(read_names(network, table, batch_of_names(table, part, n_parts=1)))
            start += fit
    network.train(was_training)
    if not found:
        return torch.zeros(0, network.sizes.outputs or network.sizes.hidden, device=device)
    back = torch.from_numpy(np.argsort(order, kind="stable")).to(device)
    return torch.cat(found)[back]


def _recased(shapes: Tensor, how: Tensor) -> Tensor:
    """Shapes of words as they would be in another case; what has no case has none."""
    in_lower = torch.where(shapes > 0, int(Shape.LOWER), 0)
    is_one = shapes == int(Shape.LETTER)
    in_capitals = torch.where(
        is_one, int(Shape.LETTER), torch.where(shapes > 0, int(Shape.UPPER), 0)
    )
    read = torch.where(how == IN_LOWER_CASE, in_lower, shapes)
    return torch.where(how == IN_CAPITALS, in_capitals, read)
