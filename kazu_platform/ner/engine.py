"""The inference engine: words in, one row of logits for each word out.

Only what a runtime does with a batch of pieces is its own business (`runtimes`); laying windows,
sorting by length so that hardly anything is padding, and taking the mean of a word's pieces is
done here, in arrays. The same word in the same sentence gets the same logits whatever else is in
the batch, as far as the runtime keeps rows apart.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from kazu_platform.ner.dictionary_index import ranges
from kazu_platform.ner.pieces import CLASSIFY, PAD, SEPARATE, SPECIAL, shapes_of
from kazu_platform.ner.windows import windows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from kazu_platform.ner.pieces import WordPieces
    from kazu_platform.ner.words import Words


class Runtime(Protocol):
    """Something that computes a model; batches may be given to it from several threads."""

    @property
    def lanes(self) -> int:
        """How many batches at once are of use."""
        ...

    @property
    def batch_pieces(self) -> int:
        """Pieces, padding included, of a batch of the best size."""
        ...

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], shapes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Logits of each piece.

        Args:
            ids: Pieces. Shape: (n_windows, n_pieces).
            mask: 1 for a piece, 0 for padding. The same shape.
            shapes: Token types. The same shape.

        Returns:
            Shape: (n_windows, n_pieces, n_outputs).
        """
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the pieces of a window, by number; `pad` fills up a batch."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    pad: int

    @property
    def size(self) -> int:
        """Pieces that it takes of a window."""
        return len(self.before) + len(self.after)


OWN_FRAME: Final = Frame((SPECIAL.index(CLASSIFY),), (SPECIAL.index(SEPARATE),), SPECIAL.index(PAD))
"""That of our own models."""


@dataclass(frozen=True, slots=True)
class Pieced:
    """Sentences as a model reads them.

    Attributes:
        ids: Pieces of all words. Shape: (n_pieces,).
        shapes: Token type of each piece. Shape: (n_pieces,).
        first: First piece of each word, and the number of pieces; a word has at least one. Shape:
            (n_words + 1,).
        sentences: First word of each sentence, and the number of words. Shape: (n_sentences + 1,).
    """

    ids: NDArray[np.int32]
    shapes: NDArray[np.int8]
    first: NDArray[np.int64]
    sentences: NDArray[np.int64]

    def within(self, limit: int) -> Pieced:
        """The same with no more than so many pieces of each word, its first ones."""
        counts = np.diff(self.first)
        if not (counts > limit).any():
            return self
        kept = ranges(self.first[:-1], np.minimum(counts, limit))
        first = np.concatenate(([0], np.cumsum(np.minimum(counts, limit))))
        return Pieced(self.ids[kept], self.shapes[kept], first, self.sentences)


def pieced(words: Words, pieces: WordPieces) -> Pieced:
    """Take the words of sentences apart for one of our own models."""
    ids, first = pieces.apart(words.strings)
    shapes = np.repeat(shapes_of(words.strings), np.diff(first))
    return Pieced(ids, shapes, first, words.first)


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of about one length, as a runtime wants them.

    Attributes:
        windows: Their numbers. Shape: (n_windows,).
        ids: See `Runtime.run`.
        mask: The same.
        shapes: The same.
        inner: Where pieces of words are, neither frame nor padding. The same shape.
    """

    windows: NDArray[np.int64]
    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    shapes: NDArray[np.int64]
    inner: NDArray[np.bool_]


class Engine:
    """Reads sentences with a runtime.

    Args:
        runtime: What computes the model.
        frame: What stands around the pieces.
        max_pieces: Pieces of the longest window, frame included.

    Raises:
        ValueError: no piece of a word would fit.
    """

    def __init__(self, runtime: Runtime, frame: Frame, max_pieces: int) -> None:
        if max_pieces <= frame.size:
            raise ValueError(f"a window of {max_pieces} pieces has no room for words")
        self.runtime = runtime
        self.frame = frame
        self.limit = max_pieces - frame.size

    def logits(self, sentences: Pieced) -> NDArray[np.float32]:
        """The mean of the logits of each word's pieces. Shape: (n_words, n_outputs)."""
        fitting = sentences.within(self.limit)
        windows = windows_of(fitting.sentences, fitting.first, self.limit)
        batches = self._batches(fitting, windows.first, windows.end)
        parts: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
        for batch, logits in zip(batches, self.run(batches), strict=True):
            first, end = windows.first[batch.windows], windows.end[batch.windows]
            words = ranges(first, end - first)
            means = _means(logits[batch.inner], np.diff(fitting.first)[words])
            mine = windows.decides[words] == np.repeat(batch.windows, end - first)
            parts.append((words[mine], means[mine]))
        return _in_order(parts)

    def wholes(self, sentences: Pieced) -> NDArray[np.float32]:
        """What a runtime that gives one row for each window says of each sentence with a word.

        Of a sentence that does not fit into a window the first words are read.

        Returns:
            Shape: (n_sentences with a word, n_outputs).
        """
        fitting = sentences.within(self.limit)
        first, end = fitting.sentences[:-1], fitting.sentences[1:]
        first, end = first[end > first], end[end > first]
        fits = np.searchsorted(fitting.first, fitting.first[first] + self.limit, side="right") - 1
        batches = self._batches(fitting, first, np.minimum(end, fits))
        rows = self.run(batches)
        return _in_order([(each.windows, row) for each, row in zip(batches, rows, strict=True)])

    def batches(self, sentences: Pieced) -> list[Batch]:
        """What the runtime is given for some sentences."""
        fitting = sentences.within(self.limit)
        windows = windows_of(fitting.sentences, fitting.first, self.limit)
        return self._batches(fitting, windows.first, windows.end)

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """What the runtime makes of each batch, as many batches at once as is of use."""
        lanes = min(self.runtime.lanes, len(batches))
        if lanes <= 1:
            return [self._run(batch) for batch in batches]
        with ThreadPoolExecutor(lanes) as pool:
            return list(pool.map(self._run, batches))

    def _run(self, batch: Batch) -> NDArray[np.float32]:
        return self.runtime.run(batch.ids, batch.mask, batch.shapes)

    def _batches(
        self, sentences: Pieced, first: NDArray[np.int64], end: NDArray[np.int64]
    ) -> list[Batch]:
        lengths = sentences.first[end] - sentences.first[first]
        # A long batch at the end would keep one thread busy and the others waiting.
        order = np.argsort(-lengths, kind="stable")
        starts = sentences.first[first]
        return [
            self._batch(sentences, windows, starts[windows], lengths[windows])
            for windows in _portions(order, lengths + self.frame.size, self._size_of(lengths))
        ]

    def _size_of(self, lengths: NDArray[np.int64]) -> int:
        """Pieces of a batch: smaller ones if there would be too few for every thread."""
        lanes = self.runtime.lanes
        if lanes == 1:
            return self.runtime.batch_pieces
        together = int(lengths.sum()) + self.frame.size * len(lengths)
        return min(self.runtime.batch_pieces, -(-together // lanes))

    def _batch(
        self,
        sentences: Pieced,
        windows: NDArray[np.int64],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> Batch:
        frame, before = self.frame, len(self.frame.before)
        place = np.arange(int(lengths.max()) + frame.size) - before
        inner = (place >= 0) & (place < lengths[:, None])
        source = np.where(inner, starts[:, None] + place, 0)
        ids = np.where(inner, sentences.ids[source], frame.pad).astype(np.int64)
        ids[:, :before] = frame.before
        rows = np.arange(len(windows))
        for offset, piece in enumerate(frame.after):
            ids[rows, before + lengths + offset] = piece
        mask = (place < lengths[:, None] + len(frame.after)).astype(np.int64)
        shapes = np.where(inner, sentences.shapes[source], 0).astype(np.int64)
        return Batch(windows, ids, mask, shapes, inner)


def _portions(
    order: NDArray[np.int64], lengths: NDArray[np.int64], size: int
) -> Iterator[NDArray[np.int64]]:
    """Windows in order of falling length, as many together as fit into a batch."""
    at = 0
    while at < len(order):
        fit = max(1, size // int(lengths[order[at]]))
        yield order[at : at + fit]
        at += fit


def _means(pieces: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of the rows of each word, whose pieces follow each other."""
    sums = np.add.reduceat(pieces, np.cumsum(counts) - counts, axis=0)
    return (sums / counts[:, None]).astype(np.float32)


def _in_order(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]],
) -> NDArray[np.float32]:
    if not parts:
        return np.empty((0, 0), np.float32)
    words = np.concatenate([each for each, _ in parts])
    logits = np.concatenate([each for _, each in parts])
    ordered = np.empty_like(logits)
    ordered[words] = logits
    return ordered
