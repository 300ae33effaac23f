"""Character trigrams of strings, by which names are found that are spelled somewhat otherwise.

A string is cut into words with a blank before and after each, and each word into every three
characters that follow each other, as scikit-learn's `char_wb` has it. A trigram is a number below
BUCKETS: two of them may share one, which makes two names look a little more alike and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GRAMS_VERSION: Final = "1"
BUCKETS: Final = 1 << 18
_BLANK: Final = ord(" ")
_MIX: Final = (73_856_093, 19_349_663, 83_492_791)


class Grams(NamedTuple):
    """Distinct trigrams of strings, those of a string together and ascending: row and trigram."""

    row: NDArray[np.int64]
    gram: NDArray[np.int64]


def trigrams(strings: Sequence[str]) -> Grams:
    """Every trigram of every string, once.

    >>> found = trigrams(["ab ab", "b", ""])
    >>> found.row.tolist()
    [0, 0, 1]
    """
    code, row = code_points([f" {each.replace(' ', '  ')} " for each in strings])
    if len(code) < len(_MIX):
        return Grams(np.zeros(0, np.int64), np.zeros(0, np.int64))
    blank = code == _BLANK
    between = blank[1:] & blank[:-1]
    within = (row[2:] == row[:-2]) & ~between[1:] & ~between[:-1]
    mixed = code[:-2] * _MIX[0] ^ code[1:-1] * _MIX[1] ^ code[2:] * _MIX[2]
    gram = (mixed[within] ^ (mixed[within] >> 17)) & (BUCKETS - 1)
    keys = np.unique(row[2:][within] * BUCKETS + gram)
    return Grams(*np.divmod(keys, BUCKETS))


def cosines(
    left: Grams, right: Grams, pairs: tuple[NDArray[np.int64], NDArray[np.int64]], weight: NDArray
) -> NDArray[np.float32]:
    """Cosines of pairs of strings as vectors of weights.

    Args:
        left: Trigrams of some strings.
        right: Trigrams of others.
        pairs: Rows of left and of right; parallel.
        weight: Of each trigram. Shape: (BUCKETS,).

    >>> one = trigrams(["abc", "xyz"])
    >>> cosines(one, one, (np.array([0, 0]), np.array([0, 1])), np.ones(BUCKETS)).tolist()
    [1.0, 0.0]
    """
    n = len(pairs[0])
    one, other = (_keyed(grams, rows) for grams, rows in zip((left, right), pairs, strict=True))
    common = one[np.isin(one, other, assume_unique=True)]
    square = weight.astype(np.float64) ** 2
    pair, gram = np.divmod(common, BUCKETS)
    dot = np.bincount(pair, weights=square[gram], minlength=n)
    norms = [
        np.bincount(keys // BUCKETS, weights=square[keys % BUCKETS], minlength=n)
        for keys in (one, other)
    ]
    length = np.sqrt(norms[0] * norms[1])
    return np.divide(dot, length, out=np.zeros(n), where=length > 0).astype(np.float32)


def _keyed(grams: Grams, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pair and trigram in one number, for the string of each pair."""
    n = int(max(rows.max(initial=-1), grams.row.max(initial=-1))) + 1
    begin = np.searchsorted(grams.row, np.arange(n + 1))
    pair, place = spread(begin[rows], begin[rows + 1])
    return pair * BUCKETS + grams.gram[place]


def spread(
    begin: NDArray[np.integer], end: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every place of some ranges, and the range that it is of.

    >>> [each.tolist() for each in spread(np.array([4, 0, 7]), np.array([6, 0, 8]))]
    [[0, 0, 2], [4, 5, 7]]
    """
    counts = (end - begin).astype(np.int64)
    before = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.repeat(begin - before, counts) + np.arange(int(counts.sum()))


def code_points(strings: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code points of all strings one behind the other, and whose they are."""
    joined = "".join(strings).encode("utf-32-le", "surrogatepass")
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    return np.frombuffer(joined, "<u4").astype(np.int64), np.repeat(
        np.arange(len(strings)), lengths
    )
