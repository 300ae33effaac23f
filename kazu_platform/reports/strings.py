"""Strings as columns: names folded, and the strings that the lake holds mentions of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kazu_platform.text.fold import code_points, fold_code_points

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.tables import Table

AT_ONCE = 500_000
"""Names folded at a time: what bounds the memory."""


def fold_names(names: pl.Series, *, at_once: int = AT_ONCE) -> pl.Series:
    """Fold a column of names as `text.fold.fold_name` does one; there are no nulls.

    >>> fold_names(pl.Series(["TNF‑α", " Breast  Cancer "])).to_list()
    ['tnf-α', 'breast cancer']
    """
    starts = range(0, len(names), at_once)
    parts = [_folded(names.slice(start, at_once)) for start in starts]
    whole = pl.concat(parts) if parts else pl.Series([], dtype=pl.String)
    return whole.str.replace_all(" +", " ").str.strip_chars(" ").alias("folded")


def _folded(names: pl.Series) -> pl.Series:
    """Each character folded to one; lengths stay, so that one string can be cut again."""
    text = "".join(names)
    if not text:
        return names
    folded = fold_code_points(code_points(text)).tobytes().decode("utf-32-le", "surrogatepass")
    ends = np.cumsum(names.str.len_chars().to_numpy()).tolist()
    pieces = [folded[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return pl.Series(pieces, dtype=pl.String)


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
