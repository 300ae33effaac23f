"""How two strings are alike, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from kazu_platform.linking.grams import products

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WORDS: Final = ("jaccard", "within", "around", "first", "last", "numbers", "length")
"""What is said of a pair: the share of common words; whether all words of the one are words of
the other, and the other way round; whether the first and the last word are the same, and all
numbers and letters that stand alone; how long the shorter one is, the longer one being 1."""


def words_alike(
    strings: Sequence[str], pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> NDArray[np.float32]:
    """Say how pairs of strings are alike.

    Args:
        strings: Normalised; each has a word.
        pairs: Rows of the strings; parallel.

    Returns:
        A row for each pair, WORDS its columns.

    >>> words_alike(["type 2 diabetes", "diabetes"], (np.array([0]), np.array([1]))).tolist()
    [[0.3333333432674408, 0.0, 1.0, 0.0, 1.0, 0.0, 0.5333333611488342]]
    """
    one, other = pairs
    words = (
        pl.DataFrame({"row": np.arange(len(strings)), "word": pl.Series(strings, dtype=pl.String)})
        .with_columns(pl.col("word").str.split(" "))
        .explode("word")
        .filter(pl.col("word") != "")
        .with_columns(number=pl.col("word").rank("dense").cast(pl.Int64) - 1)
    )
    ends = words.group_by("row", maintain_order=True).agg(
        first=pl.col("number").first(), last=pl.col("number").last()
    )
    first, last = (ends[name].to_numpy() for name in ("first", "last"))
    distinct = words.unique(["row", "number"]).sort("row", "number")
    stands_alone = pl.col("word").str.contains(r"^\d+$") | (pl.col("word").str.len_chars() == 1)
    common, n_one, n_other = _common(distinct, pairs, len(strings))
    same, some, others = _common(distinct.filter(stands_alone), pairs, len(strings))
    length = pl.Series(strings, dtype=pl.String).str.len_chars().to_numpy().astype(np.float32)
    shorter, longer = np.minimum(length[one], length[other]), np.maximum(length[one], length[other])
    columns = (
        common / (n_one + n_other - common),
        common == n_one,
        common == n_other,
        first[one] == first[other],
        last[one] == last[other],
        (same == some) & (same == others),
        shorter / longer,
    )
    return np.stack(columns, axis=1).astype(np.float32)


def _common(
    words: pl.DataFrame, pairs: tuple[NDArray[np.int64], NDArray[np.int64]], n: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Words that both of a pair have, the one, and the other; `words` are sorted by row."""
    from scipy.sparse import csr_matrix

    row, number = words["row"].to_numpy(), words["number"].to_numpy()
    begin = np.searchsorted(row, np.arange(n + 1))
    ones = np.ones(len(row), np.float32)
    matrix = csr_matrix((ones, number, begin), shape=(n, int(number.max(initial=0)) + 1))
    counts = np.diff(begin).astype(np.float32)
    return products(matrix, matrix, pairs), counts[pairs[0]], counts[pairs[1]]
