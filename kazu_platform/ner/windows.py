"""Windows: a sentence longer than a model can read becomes several that overlap, to its end.

A word of an overlap is read twice, and decided where it stands furthest from a cut, so with the
most context on its poorer side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

OVERLAP: Final = 0.25
"""Share of a window that the next one reads again."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Stretches of words, each within one sentence and within the limit.

    Attributes:
        first: First word of each window. Shape: (n_windows,).
        end: One past its last word. Shape: (n_windows,).
        decides: The window that decides each word. Shape: (n_words,).
    """

    first: NDArray[np.int64]
    end: NDArray[np.int64]
    decides: NDArray[np.int64]


def windows_of(
    sentences: NDArray[np.int64], pieces: NDArray[np.int64], limit: int, overlap: float = OVERLAP
) -> Windows:
    """Lay windows over sentences; one that fits is one window, one without words has none.

    Args:
        sentences: First word of each sentence, and the number of words. Shape: (n_sentences + 1,).
        pieces: First piece of each word, and the number of pieces; no word has more than `limit`.
            Shape: (n_words + 1,).
        limit: Pieces that a window may have.
        overlap: Share of a window that the next one reads again; 0 to below 1.

    >>> windows = windows_of(np.array([0, 5]), np.arange(6), limit=3, overlap=0.4)
    >>> windows.first.tolist(), windows.end.tolist(), windows.decides.tolist()
    ([0, 2], [3, 5], [0, 0, 0, 1, 1])
    """
    full = np.flatnonzero(np.diff(sentences))
    first, end = sentences[full], sentences[full + 1]
    long = pieces[end] - pieces[first] > limit
    n_words = int(sentences[-1])
    if not long.any():
        return Windows(first, end, np.repeat(np.arange(len(full)), end - first))
    cut = [
        _cut(pieces, a, b, limit, int(overlap * limit)) for a, b in _pairs(first[long], end[long])
    ]
    counts = np.ones(len(full), np.int64)
    counts[long] = [len(starts) for starts, _, _ in cut]
    row = np.repeat(np.arange(len(full)), counts)
    firsts, ends = first[row], end[row]
    inner = long[row]
    firsts[inner] = np.concatenate([starts for starts, _, _ in cut])
    ends[inner] = np.concatenate([stops for _, stops, _ in cut])
    begins = np.cumsum(counts) - counts
    decides = np.zeros(n_words, np.int64)
    decides[:] = np.repeat(begins, end - first)
    for a, b, at, (_, _, own) in zip(first[long], end[long], begins[long], cut, strict=True):
        decides[a:b] = at + own
    return Windows(firsts, ends, decides)


def _cut(
    pieces: NDArray[np.int64], first: int, end: int, limit: int, overlap: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Windows of one long sentence, and which of them decides each of its words."""
    starts, stops = zip(*_stretches(pieces, first, end, limit, overlap), strict=True)
    words = np.arange(first, end)
    distance = np.full((len(starts), len(words)), -1, np.int64)
    for row, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        inside = words[start - first : stop - first]
        # An end of the sentence is no cut.
        left = pieces[inside] - pieces[start] if start > first else np.full_like(inside, limit)
        right = pieces[stop] - pieces[inside + 1] if stop < end else np.full_like(inside, limit)
        distance[row, start - first : stop - first] = np.minimum(left, right)
    return np.array(starts), np.array(stops), distance.argmax(0)


def _stretches(
    pieces: NDArray[np.int64], start: int, end: int, limit: int, overlap: int
) -> Iterator[tuple[int, int]]:
    while True:
        stop = min(end, int(np.searchsorted(pieces, pieces[start] + limit, side="right")) - 1)
        yield start, stop
        if stop == end:
            return
        # As far back as the overlap goes, but so that the next word fits.
        behind = max(pieces[stop] - overlap, pieces[stop + 1] - limit)
        start = max(start + 1, int(np.searchsorted(pieces, behind)))


def _pairs(first: NDArray[np.int64], end: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return zip(first.tolist(), end.tolist(), strict=True)
