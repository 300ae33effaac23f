"""Strings as columns: names folded, and the strings that the lake holds mentions of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.text.fold_column import fold_names

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.tables import Table


def strings_of(surfaces: pa.Table) -> pl.DataFrame:
    """What SURFACES say of strings: surface_id, entity_class, text, normalised, folded, n_mentions.

    A string stands there once for each context.
    """
    columns = ["surface_id", "entity_class", "text", "normalised", "n_mentions"]
    frame = pl.DataFrame(surfaces.select(columns))
    return frame.with_columns(fold_names(frame["text"]))


def as_table(table: Table, frame: pl.DataFrame) -> pa.Table:
    """Rows of a table, in the order they have."""
    rows = frame.select(table.schema.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.check(rows.cast(table.schema))
