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

from kazu_platform.linking.surfaces import bucket_of, with_normalised
from kazu_platform.storage.sql import without_glob
from kazu_platform.tables import LINKS, SURFACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.linking.linker import Linker

SURFACES_VERSION = "1"
BUCKETS = tuple(f"0{digit}" for digit in "0123456789abcdef")

_COUNT = """
SELECT surface_id, any_value(text) AS text, any_value(entity_class) AS entity_class,
       any_value(context) AS context, count(*)::BIGINT AS n_mentions
FROM read_parquet($files, hive_partitioning = false) GROUP BY surface_id ORDER BY surface_id
"""
_KEPT = """
SELECT l.* FROM known l
JOIN surfaces s USING (surface_id)
JOIN versions v ON v.entity_class = s.entity_class AND v.version = l.vocabulary_version
WHERE l.linker_version = $linker
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


def link_changed(linker: Linker, surfaces: pa.Table, known: pa.Table) -> Relinked:
    """Link the surfaces that no link of this linker and vocabulary is known for.

    Args:
        linker: links surfaces, and knows the vocabulary's version of each class.
        surfaces: SURFACES of a bucket as it now stands.
        known: LINKS of the bucket as it stood; those of vanished surfaces are let go.
    """
    versions = linker.vocabulary_version
    table = pa.table({"entity_class": list(versions), "version": list(versions.values())})
    with duckdb.connect() as connection:
        connection.register("known", known)
        connection.register("surfaces", surfaces)
        connection.register("versions", table)
        kept = connection.sql(_KEPT, params={"linker": linker.version}).to_arrow_table()
        connection.register("kept", kept)
        fresh = connection.sql(
            "SELECT s.* FROM surfaces s ANTI JOIN kept k USING (surface_id)"
        ).to_arrow_table()
    linked = linker.link(SURFACES.check(fresh.cast(SURFACES.schema)))
    both = pa.concat_tables([LINKS.check(kept.cast(LINKS.schema)), linked])
    return Relinked(LINKS.sort(both), fresh.num_rows, surfaces.num_rows - fresh.num_rows)
