"""How many documents the graph is counted over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNT = """
SELECT count(*) FROM read_parquet($current) s JOIN read_parquet($citations) c
    ON c.file = s.file AND c.position = s.position AND c.pmid = s.pmid
WHERE NOT s.deleted AND NOT c.retracted
"""


def count_documents(citations: Sequence[str], current: Sequence[str]) -> int:
    """Count the current citations that are not retracted: the whole that shares are shares of.

    Args:
        citations: Parquet files of CITATIONS.
        current: Parquet files of CURRENT_CITATIONS.
    """
    if not citations or not current:
        return 0
    with duckdb.connect() as database:
        files = {"citations": list(citations), "current": list(current)}
        row = database.execute(_COUNT, files).fetchone()
    return row[0] if row else 0
