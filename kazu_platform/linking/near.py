"""The name beside a string: what a document names that is spelt like a string without a concept.

"Cardiac toxicity" is nobody's name, but a document that speaks of it and of "cardiotoxicity" says
what it may mean. Of each string that is no name, the likest of the document's own strings of the
same class that are names is found by trigrams, all of which count the same: what is found depends
on the document alone, and on which of its strings are names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from kazu_platform.linking.grams import BUCKETS, trigrams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

LEAST_NEAR: Final = 0.3
"""Cosine of trigrams below which a name is not near."""
_STRING: Final = ["entity_class", "normalised"]


def near_names(strings: pl.DataFrame, of: Sequence[str]) -> pl.DataFrame:
    """The likest name of a document beside each of its strings that is none.

    Args:
        strings: `entity_class`, `normalised`, `is_named`, and what tells documents apart.
        of: The columns that tell documents apart.

    Returns:
        The columns of documents, `entity_class`, `normalised`, and `near`: the other string,
        normalised; of two that are as like, always the same. A string without one is missing.
    """
    group = [*of, "entity_class"]
    asked = (
        strings.filter(pl.col("normalised") != "")
        .group_by(*of, *_STRING)
        .agg(pl.col("is_named").any())
    )
    both = asked.filter(pl.col("is_named").n_unique().over(group) > 1)
    rows = both.sort(*group, "is_named", "normalised").with_columns(
        group=pl.struct(group).rle_id().cast(pl.Int64)
    )
    own, names = rows.filter(~pl.col("is_named")), rows.filter("is_named")
    if own.is_empty():
        return own.select(*of, *_STRING, near="normalised")
    row, name = _likest(rows["normalised"].to_list(), rows["group"], rows["is_named"].to_numpy())
    return own[row].select(*of, *_STRING).with_columns(near=names["normalised"].gather(name))


def _likest(
    strings: Sequence[str], groups: pl.Series, is_named: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of strings among those that are no names, and of the likest of their group's names."""
    from scipy.sparse import csr_matrix
    from sparse_dot_topn import sp_matmul_topn

    grams = trigrams(strings)
    # A trigram of one group is not that of another, so that one product finds all.
    key = groups.to_numpy()[grams.row] * BUCKETS + grams.gram
    columns, column = np.unique(key, return_inverse=True)
    counts = np.bincount(grams.row, minlength=len(strings))
    share = (1 / np.sqrt(counts[grams.row])).astype(np.float32)
    begin = np.searchsorted(grams.row, np.arange(len(strings) + 1)).astype(np.int32)
    shape = (len(strings), len(columns))
    matrix: csr_matrix = csr_matrix((share, column.astype(np.int32), begin), shape=shape)
    found = sp_matmul_topn(
        matrix[np.flatnonzero(~is_named)],
        matrix[np.flatnonzero(is_named)].T.tocsr(),
        1,
        threshold=LEAST_NEAR,
    ).tocoo()
    return found.row.astype(np.int64), found.col.astype(np.int64)
