"""The nearest of many vectors, exactly: a product of every query with every vector, in blocks.

A block fits into the cache of a processor. What was found in the blocks before sets the bar for the
next, so that of the later ones hardly anything is looked at twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUERIES: Final = 512
_VECTORS: Final = 8_192


def nearest(
    queries: NDArray[np.float32],
    values: NDArray[np.int8],
    scale: NDArray[np.float32],
    *,
    most: int,
    least: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The vectors with the greatest product with each query.

    Args:
        queries: Shape: (n_queries, dimensions).
        values: Vectors as bytes. Shape: (n, dimensions).
        scale: What the bytes of each are times. Shape: (n,).
        most: Vectors of a query.
        least: A product has to be greater.

    Returns:
        Rows of queries, ascending, and of vectors; parallel.
    """
    found = [
        _of_block(queries[start : start + _QUERIES], values, scale, most=most, least=least)
        for start in range(0, len(queries), _QUERIES)
    ]
    query = [each + number * _QUERIES for number, (each, _) in enumerate(found)]
    nothing = np.zeros(0, np.int64)
    return (
        np.concatenate([nothing, *query]),
        np.concatenate([nothing, *(each for _, each in found)]),
    )


def _of_block(
    queries: NDArray[np.float32],
    values: NDArray[np.int8],
    scale: NDArray[np.float32],
    *,
    most: int,
    least: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    bar = np.full(len(queries), least, np.float32)
    query, row = np.zeros(0, np.int64), np.zeros(0, np.int64)
    product = np.zeros(0, np.float32)
    for start in range(0, len(values), _VECTORS):
        block = values[start : start + _VECTORS] * scale[start : start + _VECTORS, None]
        every = queries @ block.T
        over = np.flatnonzero(every > bar[:, None])
        if not len(over):
            continue
        of, place = np.divmod(over, every.shape[1])
        query = np.concatenate([query, of])
        row = np.concatenate([row, place + start])
        product = np.concatenate([product, every.ravel()[over]])
        order = np.lexsort((row, -product, query))
        query, row, product = query[order], row[order], product[order]
        kept = np.arange(len(query)) - np.searchsorted(query, query) < most
        query, row, product = query[kept], row[kept], product[kept]
        counts = np.bincount(query, minlength=len(queries))
        full = np.flatnonzero(counts == most)
        bar[full] = product[np.cumsum(counts)[full] - 1]
    return query, row
