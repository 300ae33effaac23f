"""How many documents the graph is counted over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from kazu_platform.storage.sql import without_glob

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNT = """
SELECT count(*) FROM read_parquet($current, hive_partitioning = false) s
JOIN read_parquet($citations, hive_partitioning = false) c
    ON c.file = s.file AND c.position = s.position AND c.doc_id = s.doc_id
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
        files = {
            "citations": [without_glob(file) for file in citations],
            "current": [without_glob(file) for file in current],
        }
        row = database.execute(_COUNT, files).fetchone()
    return row[0] if row else 0
