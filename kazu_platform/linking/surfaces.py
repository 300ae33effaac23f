"""Surfaces: the distinct things to link. Repeated strings cost nothing.

A surface is a string, its class and the context that matters for it. PubMed has hundreds of
millions of mentions but only some ten million surfaces, and a new vocabulary re-links those.
"""

from __future__ import annotations

from hashlib import blake2b

import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.tables import SURFACES
from kazu_platform.text.normalise import normalise_column

_WHAT = ["text", "entity_class", "context"]


def surfaces_of(mentions: pa.Table) -> pa.Table:
    """Gather the distinct surfaces of MENTIONS as rows of SURFACES, in order of surface_id."""
    distinct = (
        pl.DataFrame(mentions.select(["surface_id", *_WHAT]))
        .group_by("surface_id")
        .agg(pl.col(_WHAT).first(), n_mentions=pl.len().cast(pl.Int64))
    )
    return with_normalised(distinct)


def surfaces_from_strings(strings: pl.DataFrame) -> pa.Table:
    """Make SURFACES of distinct strings given as text, entity_class and context."""
    named = strings.with_columns(surface_id=surface_ids(strings), n_mentions=pl.lit(0, pl.Int64))
    return with_normalised(named)


def surface_ids(strings: pl.DataFrame) -> pl.Series:
    """Hash text, entity_class and context, as `documents.surface_id` does for one row.

    >>> strings = pl.DataFrame({"text": ["TNF-α"], "entity_class": ["gene"], "context": [""]})
    >>> surface_ids(strings).to_list()
    ['3d63d7258ec7058ab7748bd4']
    """
    keys = strings.select(pl.concat_str(_WHAT, separator="\x1f")).to_series()
    hashes = [blake2b(key.encode(), digest_size=12).hexdigest() for key in keys]
    return pl.Series("surface_id", hashes, dtype=pl.String)


def bucket_of(surface_ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Name the bucket of each surface: the first hexadecimal digit of its id, 00 to 0f.

    >>> bucket_of(pa.array(["3d63d7258ec7058ab7748bd4", "ff00"])).to_pylist()
    ['03', '0f']
    """
    column = pa.chunked_array([surface_ids]) if isinstance(surface_ids, pa.Array) else surface_ids
    digit = compute.utf8_slice_codeunits(column.combine_chunks(), 0, 1)
    return compute.binary_join_element_wise("0", digit, "")


def with_normalised(distinct: pl.DataFrame) -> pa.Table:
    """Add what the normaliser of its class makes of each string; rows of SURFACES."""
    parts = [
        part.with_columns(_normalised(part["text"], name))
        for (name,), part in distinct.group_by("entity_class", maintain_order=True)
        if isinstance(name, str)
    ]
    return _checked(pl.concat(parts).sort("surface_id")) if parts else SURFACES.empty()


def _checked(frame: pl.DataFrame) -> pa.Table:
    rows = frame.select(SURFACES.schema.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    return SURFACES.check(rows.cast(SURFACES.schema))


def _normalised(texts: pl.Series, entity_class: str) -> pl.Series:
    return pl.Series("normalised", normalise_column(texts, entity_class), dtype=pl.String)
