"""What Arrow has no typed or ready-made name for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as arrow_compute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MANY_PIECES = 10_000
"""From here on copying row by row is as quick."""

compute: Any = arrow_compute
"""Arrow's compute functions, made when it is imported, so that no type checker knows them."""


def runs(table: pa.Table, columns: Sequence[str]) -> NDArray[np.int64]:
    """Number the runs of rows that are equal in some columns: 0 for the first rows, and so on.

    >>> import pyarrow as pa
    >>> runs(pa.table({"doc_id": ["A", "A", "B", "A"]}), ["doc_id"]).tolist()
    [0, 0, 1, 2]
    """
    differs = np.zeros(table.num_rows, np.int64)
    for name in columns:
        values = table[name].combine_chunks()
        differs[1:] |= compute.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
    return np.cumsum(differs)


def in_order(tables: Sequence[pa.Table], order: NDArray[np.int64]) -> pa.Table:
    """Rows of tables, numbered on from one to the next, in an order that mostly runs on.

    Pieces that run on are copied whole, which is several times quicker than row by row.

    >>> import pyarrow as pa
    >>> a, b = pa.table({"x": [0, 1, 2]}), pa.table({"x": [7]})
    >>> in_order([a, b], np.array([0, 1, 3, 2]))["x"].to_pylist()
    [0, 1, 7, 2]
    """
    begins = np.cumsum([0, *(table.num_rows for table in tables)])
    first = np.flatnonzero((np.diff(order, prepend=-2) != 1) | np.isin(order, begins))
    if len(first) > _MANY_PIECES:
        return pa.concat_tables(tables).take(pa.array(order)).combine_chunks()
    starts, sizes = order[first], np.diff(first, append=len(order))
    which = np.searchsorted(begins, starts, side="right") - 1
    pieces = zip(which.tolist(), (starts - begins[which]).tolist(), sizes.tolist(), strict=True)
    return pa.concat_tables(
        [tables[0].slice(0, 0), *(tables[i].slice(start, size) for i, start, size in pieces)]
    ).combine_chunks()
