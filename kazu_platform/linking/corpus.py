"""Surfaces and links of a whole corpus, in buckets, and only what changed.

A corpus of a billion mentions holds perhaps ten million distinct surfaces. They are counted in one
pass over the mention files, and linked again only where the linker or the vocabulary of their
class is another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa

from kazu_platform.linking.exact import METHODS as BY_NAME
from kazu_platform.linking.surfaces import bucket_of, with_normalised
from kazu_platform.storage.sql import without_glob
from kazu_platform.tables import LINKS, SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from kazu_platform.linking.difference import Touched
    from kazu_platform.linking.linker import Linker

SURFACES_VERSION = "1"
BUCKETS = tuple(f"0{digit}" for digit in "0123456789abcdef")

_COUNT = """
SELECT surface_id, any_value(text) AS text, any_value(entity_class) AS entity_class,
       any_value(context) AS context, count(*)::BIGINT AS n_mentions
FROM read_parquet($files, hive_partitioning = false) GROUP BY surface_id ORDER BY surface_id
"""


@dataclass(frozen=True)
class Relinked:
    """Links of a bucket, and how many of its surfaces were linked now or kept."""

    links: pa.Table
    n_linked: int
    n_kept: int


def surfaces_of_files(files: Sequence[str]) -> dict[str, pa.Table]:
    """SURFACES of the mentions in those Parquet files, by bucket; every bucket is there.

    Mentions of superseded versions count too: their surfaces stay linked.
    """
    if not files:
        return {bucket: SURFACES.empty() for bucket in BUCKETS}
    with duckdb.connect() as connection:
        paths = [without_glob(file) for file in files]
        rows = connection.sql(_COUNT, params={"files": paths}).to_arrow_table()
    rows = with_normalised(pl.DataFrame(rows))
    buckets = bucket_of(rows["surface_id"]).to_numpy(zero_copy_only=False)
    return {bucket: rows.filter(pa.array(buckets == bucket)) for bucket in BUCKETS}


def link_changed(  # noqa: PLR0913 - what is linked, and all that may have changed
    linker: Linker,
    surfaces: pa.Table,
    known: pa.Table,
    touched: Touched | None = None,
    *,
    respelled: Collection[str] = (),
    link: Callable[[pa.Table], pa.Table] | None = None,
) -> Relinked:
    """Link the surfaces for which no link is known that still holds.

    A link holds if it was made by this linker from this version of its class's vocabulary, or, if
    it is known what differs between that vocabulary and this one, if its surface is not touched,
    links to no concept that is, and may not mean one by what the linker remembers. It keeps the
    version that it was made from.

    Where names that are only similar count and there are others now, surfaces that have no equal
    name are linked again. The first link of the others stays what it is; their alternatives, a
    similar name that came or went among them, may be those of before.

    Args:
        linker: links surfaces, and knows the vocabulary's version of each class.
        surfaces: SURFACES of a bucket as it now stands.
        known: LINKS of the bucket as it stood; those of vanished surfaces are let go.
        touched: what differs between the vocabulary that `known` is true to and the linker's.
        respelled: classes that `known` knew other similar names of.
        link: does what the linker does, elsewhere.
    """
    frame = pl.DataFrame(surfaces)
    holds = pl.DataFrame(known).filter(pl.col("linker_version") == linker.version)
    current = pl.lit(value=False)
    for name, version in linker.vocabulary_version.items():
        same = pl.col("vocabulary_version") == version
        current |= (pl.col("entity_class") == name) & same
    holds = holds.join(frame.select("surface_id", "entity_class"), on="surface_id")
    if touched is None:
        holds = holds.filter(current)
        stirred = pl.Series(dtype=pl.String)
    else:
        stirred = frame.filter(touched.of(frame.select("text", "entity_class", "context")))[
            "surface_id"
        ]
    if linker.by_name is not linker:  # a name that is only similar may count too
        unnamed = _without_equal_name(pl.DataFrame(known), frame, respelled)
        meant = (
            [touched.of_links(known), linker.reminded_of(surfaces, touched.concepts)]
            if touched is not None
            else []
        )
        stirred = pl.concat([stirred, *meant, unnamed])
    holds = holds.filter(~pl.col("surface_id").is_in(stirred.unique().implode()))
    fresh = frame.join(holds.select("surface_id").unique(), on="surface_id", how="anti")
    kept = holds.select(LINKS.schema.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    asked = fresh.to_arrow(compat_level=pl.CompatLevel.oldest())
    linked = (link or linker.link)(SURFACES.check(asked.cast(SURFACES.schema)))
    both = pa.concat_tables([LINKS.check(kept.cast(LINKS.schema)), linked])
    return Relinked(LINKS.sort(both), fresh.height, frame.height - fresh.height)


def _without_equal_name(
    links: pl.DataFrame, surfaces: pl.DataFrame, classes: Collection[str]
) -> pl.Series:
    """Linked surfaces of some classes that mean nothing by an equal name: ids."""
    by_name = (pl.col("rank") == 1) & pl.col("method").is_in(BY_NAME)
    named = links.filter(by_name).select("surface_id")
    own = surfaces.filter(pl.col("entity_class").is_in(list(classes))).select("surface_id")
    return own.join(named, on="surface_id", how="anti")["surface_id"]
