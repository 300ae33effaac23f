"""What Arrow has no typed or ready-made name for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as arrow_compute

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

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
