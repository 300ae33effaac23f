"""Sentences as arrays of word pieces, and batches of them with little padding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from kazu_platform.ner.pieces import CLASSIFY, PAD, SEPARATE, SPECIAL, shapes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from kazu_platform.ner.pieces import WordPieces

_PAD, _CLASSIFY, _SEPARATE = (SPECIAL.index(piece) for piece in (PAD, CLASSIFY, SEPARATE))
_SORTED_AT_ONCE = 64
"""Batches whose sentences are sorted by length together: little padding, much chance."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Sentences of words, taken apart.

    Attributes:
        ids: Pieces of all words. Shape: (n_pieces,).
        shapes: Shape of the word of each piece. Shape: (n_pieces,).
        piece: First piece of each word, and the number of pieces. Shape: (n_words + 1,).
        word: First word of each sentence, and the number of words. Shape: (n_sentences + 1,).
    """

    ids: NDArray[np.int32]
    shapes: NDArray[np.int8]
    piece: NDArray[np.int64]
    word: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of pieces of each sentence."""
        return np.diff(self.piece[self.word])


@dataclass(frozen=True, slots=True)
class Batch:
    """Some sentences side by side, as a network reads them.

    Attributes:
        ids: Shape: (batch, pieces), as the other tensors.
        mask: 1 where there is a piece.
        shapes: Shape of each piece's word.
        word: Word of each piece, counted through the batch; -1 for none.
        sentences: Which sentences these are.
        n_words: Words of each of them.
    """

    ids: Tensor
    mask: Tensor
    shapes: Tensor
    word: Tensor
    sentences: NDArray[np.int64]
    n_words: NDArray[np.int64]

    def to(self, device: torch.device) -> Batch:
        """The same with its tensors on a device."""
        return replace(
            self,
            ids=sent(self.ids, device),
            mask=sent(self.mask, device),
            shapes=sent(self.shapes, device),
            word=sent(self.word, device),
        )


def sent(value: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; a GPU need not be done with what it does to get it."""
    if device.type == "cpu":
        return value
    return value.pin_memory().to(device, non_blocking=True)


def encode(words: Sequence[str], first: NDArray[np.int64], pieces: WordPieces) -> Encoded:
    """Take the words of sentences apart.

    Args:
        words: Words of all sentences.
        first: First word of each sentence, and the number of words.
        pieces: The vocabulary.
    """
    ids, piece = pieces.apart(words)
    shapes = np.repeat(shapes_of(words), np.diff(piece)).astype(np.int8)
    return Encoded(ids, shapes, piece, first.astype(np.int64))


def shortened(
    encoded: Encoded, most: int, sentences: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Number of words of each sentence that fit into so many pieces, [CLS] and [SEP] among them.

    Args:
        encoded: All sentences.
        most: Number of pieces.
        sentences: Which ones; by default all.
    """
    begin, end = encoded.word[:-1], encoded.word[1:]
    if sentences is not None:
        begin, end = begin[sentences], end[sentences]
    fits = np.searchsorted(encoded.piece, encoded.piece[begin] + most - 2, side="right") - 1
    return np.minimum(fits, end) - begin


def batch_of(encoded: Encoded, sentences: NDArray[np.int64], *, most: int) -> Batch:
    """Put sentences side by side; of those longer than `most` pieces the first words."""
    n_words = shortened(encoded, most, sentences)
    begin = encoded.word[sentences]
    first = encoded.piece[begin]
    lengths = encoded.piece[begin + n_words] - first
    n, longest = len(sentences), int(lengths.max(initial=0)) + 2
    ids = np.full((n, longest), _PAD, np.int64)
    shapes = np.zeros((n, longest), np.int64)
    word = np.full((n, longest), -1, np.int64)
    row, place = ranges(lengths)
    source = first[row] + place
    ids[:, 0] = _CLASSIFY
    ids[np.arange(n), lengths + 1] = _SEPARATE
    ids[row, place + 1] = encoded.ids[source]
    shapes[row, place + 1] = encoded.shapes[source]
    of_row, number = ranges(n_words)
    words = begin[of_row] + number
    word[row, place + 1] = np.repeat(
        np.arange(len(words)), encoded.piece[words + 1] - encoded.piece[words]
    )
    mask = (np.arange(longest) < lengths[:, None] + 2).astype(np.int64)
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(mask),
        torch.from_numpy(shapes),
        torch.from_numpy(word),
        sentences,
        n_words,
    )


def ranges(sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of these sizes, one after the other: the row of each place, and its place there.

    >>> row, place = ranges(np.array([2, 0, 1]))
    >>> row.tolist(), place.tolist()
    ([0, 0, 2], [0, 1, 0])
    """
    row = np.repeat(np.arange(len(sizes)), sizes)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def shuffled(
    lengths: NDArray[np.int64],
    chosen: NDArray[np.int64],
    *,
    pieces: int,
    most: int,
    generator: np.random.Generator,
) -> Iterator[NDArray[np.int64]]:
    """Batches of about so many pieces, padding included; sentences of like length together.

    Args:
        lengths: Pieces of every sentence.
        chosen: Which sentences to draw, in any order; one that stands there twice comes twice.
        pieces: Pieces of a batch.
        most: Longer sentences count as this long.
        generator: Draws the order.
    """
    order = generator.permutation(chosen)
    long = np.minimum(lengths + 2, most)
    per_block = max(1, _SORTED_AT_ONCE * pieces // max(1, int(long[order].mean())))
    for start in range(0, len(order), per_block):
        block = order[start : start + per_block]
        block = block[np.argsort(long[block], kind="stable")]
        batches = list(_filled(block, long[block], pieces))
        for place in generator.permutation(len(batches)):
            yield batches[place]


def _filled(
    block: NDArray[np.int64], long: NDArray[np.int64], pieces: int
) -> Iterator[NDArray[np.int64]]:
    """Cut sentences in order of length so that rows times the longest stay under so many pieces."""
    start = 0
    for place, length in enumerate(long.tolist()):
        if place > start and (place + 1 - start) * length > pieces:
            yield block[start:place]
            start = place
    if start < len(block):
        yield block[start:]
