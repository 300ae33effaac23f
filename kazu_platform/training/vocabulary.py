"""The vocabulary of a small encoder: pieces that occur, and whole words worth a piece of their own.

A general vocabulary spends most of its rows on pieces that biomedical text never uses, and takes
"angiotensin" apart in four. Of the pieces of the starting weights those that occur stay; frequent
words that they cut up are added, each starting as the mean of its former pieces.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.ner.pieces import CONTINUES, SPECIAL, WordPieces, spelled
from kazu_platform.ner.words import split_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_TEXTS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces, and of which rows of another vocabulary each one is made.

    `sources` has one list of rows for each piece: one row where the piece was there before, the
    rows of its parts where it is new.
    """

    pieces: tuple[str, ...]
    sources: tuple[tuple[int, ...], ...]


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs, spelled as vocabularies have it.

    >>> count_words(["TNF-α, Tnf"]).most_common(1)
    [('tnf', 2)]
    """
    counts: Counter[str] = Counter()
    held: list[str] = []
    for text in texts:
        held.append(text)
        if len(held) == _TEXTS_AT_ONCE:
            counts.update(split_words(held).strings)
            held = []
    counts.update(split_words(held).strings)
    folded: Counter[str] = Counter()
    for word, times in counts.items():
        folded[spelled(word)] += times
    del folded[""]
    return folded


def characters(counts: Mapping[str, int]) -> list[str]:
    """A vocabulary of SPECIAL and of every character, alone and within a word: one to start from.

    >>> characters({"ab": 1})[5:]
    ['a', 'b', '##a', '##b']
    """
    letters = sorted({letter for word in counts for letter in word})
    return [*SPECIAL, *letters, *(f"{CONTINUES}{letter}" for letter in letters)]


def choose_vocabulary(
    counts: Mapping[str, int], given: Sequence[str], *, n_pieces: int, n_words: int
) -> Vocabulary:
    """Keep the most frequent pieces of a vocabulary and add the words that save the most pieces.

    Single characters that occur stay, however rare: without them a word with one is unknown.

    Args:
        counts: How often each word occurs (`count_words`).
        given: The vocabulary of the starting weights, in any order; holds SPECIAL.
        n_pieces: Pieces to keep, SPECIAL among them.
        n_words: Words to add.
    """
    ordered = [*SPECIAL, *(piece for piece in given if piece not in SPECIAL)]
    row = {piece: place for place, piece in enumerate(given)}
    apart = WordPieces(ordered)
    words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    times = np.array([counts[word] for word in words], np.int64)
    pieces, first = apart.apart(words)
    sizes = np.diff(first)
    added = _most_saving(words, times * (sizes - 1), n_words)
    is_added = np.zeros(len(words), np.bool_)
    is_added[added] = True
    kept = _most_frequent(ordered, pieces, np.repeat(np.where(is_added, 0, times), sizes), n_pieces)
    parts = [
        tuple(row[ordered[piece]] for piece in pieces[first[word] : first[word + 1]].tolist())
        for word in added
    ]
    return Vocabulary(
        (*(ordered[piece] for piece in kept), *(words[word] for word in added)),
        (*((row[ordered[piece]],) for piece in kept), *parts),
    )


def _most_saving(words: Sequence[str], saved: NDArray[np.int64], n_words: int) -> list[int]:
    """Places of the words that save the most; words with digits are codes and numbers."""
    plain = np.array([word.isalpha() for word in words], np.bool_)
    order = np.argsort(np.where(plain, -saved, 0), kind="stable")[:n_words]
    return [place for place in order.tolist() if plain[place] and saved[place] > 0]


def _most_frequent(
    ordered: Sequence[str], pieces: NDArray[np.int32], times: NDArray[np.int64], n_pieces: int
) -> list[int]:
    """Rows of the pieces to keep, in the order of the vocabulary."""
    counted = np.bincount(pieces, weights=times, minlength=len(ordered)).astype(np.int64)
    single = [len(piece.removeprefix(CONTINUES)) == 1 for piece in ordered]
    counted[np.array(single, np.bool_) & (counted > 0)] += counted.max() + 1
    counted[: len(SPECIAL)] = counted.max() + 1
    order = np.argsort(-counted, kind="stable")[:n_pieces]
    return sorted(row for row in order.tolist() if counted[row] > 0)
