"""Combining what several detectors found: every mention once, agreement recorded.

Nothing is resolved here: nested, overlapping and contradicting mentions all stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY = ["mention_id", "content_hash"]
_JOINED = ["detector", "detector_version"]
_PLACE = "place"


def combine(detected: Sequence[pa.Table]) -> pa.Table:
    """Unite the mentions of several detectors.

    A mention that several found (same `mention_id` and `content_hash`) is one row, where it
    stood first: `detector` names all, joined by `+` in order of name, `detector_version` their
    versions in the same order, `confidence` is the highest that any gave.

    Args:
        detected: What each detector found, in the schema of DICTIONARY_MENTIONS.
    """
    tables = [table for table in detected if table.num_rows]
    if not tables:
        return DICTIONARY_MENTIONS.empty()
    if len(tables) == 1 and len(detected) == 1:
        return DICTIONARY_MENTIONS.check(tables[0])
    rows = pl.DataFrame(pa.concat_tables(tables)).with_row_index(_PLACE)
    often = pl.struct(_KEY).is_duplicated()
    united = pl.concat([rows.filter(~often), _united(rows.filter(often))]).sort(_PLACE)
    return DICTIONARY_MENTIONS.check(
        united.select(DICTIONARY_MENTIONS.schema.names)
        .to_arrow(compat_level=pl.CompatLevel.oldest())
        .cast(DICTIONARY_MENTIONS.schema)
    )


def _united(rows: pl.DataFrame) -> pl.DataFrame:
    """One row of all that have a key in common."""
    others = [name for name in rows.columns if name not in (*_KEY, *_JOINED, "confidence")]
    return (
        rows.unique([*_KEY, *_JOINED], keep="first", maintain_order=True)
        .group_by(_KEY, maintain_order=True)
        .agg(
            pl.col(others).first(),
            pl.col("confidence").max(),
            pl.col(_JOINED).sort_by("detector", "detector_version"),
        )
        .with_columns(pl.col(_JOINED).list.join("+"))
        .select(rows.columns)
    )
