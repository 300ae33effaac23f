"""Character trigrams of strings, by which names are found that are spelled somewhat otherwise.

A string is cut into words with a blank before and after each, and each word into every three
characters that follow each other, as scikit-learn's `char_wb` has it. A trigram is a number below
BUCKETS: two of them may share one, which makes two names look a little more alike and no more.

Strings become rows of a sparse matrix with a column for each trigram: rows of length 1, in which a
trigram counts by its weight. So a product of two rows is their cosine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

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


def unit_rows(grams: Grams, n: int, weight: NDArray[np.float32]) -> csr_matrix:
    """Strings as rows of length 1.

    Args:
        grams: Trigrams of the strings.
        n: Strings.
        weight: Of each trigram. Shape: (BUCKETS,).

    Returns:
        Shape: (n, BUCKETS).

    >>> rows = unit_rows(trigrams(["abc", ""]), 2, np.ones(BUCKETS, np.float32))
    >>> (rows @ rows.T).toarray().round(3).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    from scipy.sparse import csr_matrix

    own = weight[grams.gram].astype(np.float64)
    length = np.sqrt(np.bincount(grams.row, weights=own**2, minlength=n))
    begin = np.searchsorted(grams.row, np.arange(n + 1)).astype(np.int32)
    shares = (own / length[grams.row]).astype(np.float32)
    return csr_matrix((shares, grams.gram.astype(np.int32), begin), shape=(n, BUCKETS))


def products(
    left: csr_matrix, right: csr_matrix, pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> NDArray[np.float32]:
    """The product of each of some pairs of rows, one of the left and one of the right.

    >>> rows = unit_rows(trigrams(["abc", "xyz"]), 2, np.ones(BUCKETS, np.float32))
    >>> products(rows, rows, (np.array([0, 0]), np.array([0, 1]))).round(3).tolist()
    [1.0, 0.0]
    """
    if not len(pairs[0]):
        return np.zeros(0, np.float32)
    found = left[pairs[0]].multiply(right[pairs[1]]).sum(axis=1)
    return np.asarray(found, np.float32).ravel()


def code_points(strings: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code points of all strings one behind the other, and whose they are."""
    joined = "".join(strings).encode("utf-32-le", "surrogatepass")
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    return np.frombuffer(joined, "<u4").astype(np.int64), np.repeat(
        np.arange(len(strings)), lengths
    )
