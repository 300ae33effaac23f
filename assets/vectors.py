"""Vectors of the strings that the corpus holds: each is embedded once by an encoder."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import dagster as dg
import polars as pl
import pyarrow as pa

from assets import gates
from assets.corpus import n_rows
from assets.deltas import made_with
from assets.making import Events, Recipe, make_all, seen
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from kazu_platform.linking.corpus import BUCKETS
from kazu_platform.linking.linker import Linker
from kazu_platform.linking.open import LinkerParts
from kazu_platform.linking.steps import EmbedStep, strings_as_units
from kazu_platform.linking.vectors import string_bucket
from kazu_platform.storage.artifacts import ArtifactStore
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import LINKS, SURFACE_VECTORS, SURFACES, Table
from resources.compute import ComputeResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "linking"
VECTORS_VERSION = "1"


@dg.asset(
    deps=["surfaces", "linking_index", "similar_names"],
    group_name=GROUP,
    kinds={"onnx"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version=VECTORS_VERSION,
    metadata=definition_metadata(SURFACE_VECTORS),
    check_specs=[gates.spec(SURFACE_VECTORS, "keys_are_unique", "A string has one vector.")],
)
@final_errors
def surface_vectors(
    lake: LakeResource, compute: ComputeResource, artifacts: ArtifactsResource
) -> Events:
    """What the linking encoder makes of the strings that names alone do not settle.

    A string that has a vector of this encoder is not embedded again, whatever becomes of the
    vocabulary. A few that could not be embedded are tried again where they are linked.
    """
    tables, store = lake.open(), artifacts.open()
    counts = {"embedded": 0, "not_embedded": 0}
    recipes = vectors_recipes(tables, store, counts, compute, artifacts.linker)
    with compute.held():
        yield from make_all(tables, SURFACE_VECTORS, recipes, facts=lambda: counts)


def vectors_recipes(
    tables: Lake,
    store: ArtifactStore,
    counts: dict[str, int],
    compute: ComputeResource,
    chosen: str,
) -> list[Recipe]:
    """How each bucket of vectors is made, for the linker of that name.

    `counts` adds up what was embedded, and what could not be.
    """
    before = seen(tables, SURFACE_VECTORS)
    parts = LinkerParts.live(store, chosen)
    linker = parts.open()
    step = EmbedStep.of(parts.model) if parts.model and linker.encoder_version else None
    inputs = {
        "surfaces": tables.version(SURFACES),
        "linking": store.live("linking").version,
        "linker": linker.version,
        **{f"similar/{name}": version for name, version in linker.similar_version.items()},
        "code": VECTORS_VERSION,
    }
    missing: dict[str, list[str]] = {}

    def bucket(name: str) -> pa.Table:
        if step is None:  # what was embedded stays for who asks for it again
            return _live(tables, name)
        if not missing:
            missing.update(_without_vector(tables, linker, _asked_anew(tables, linker, inputs)))
        own = missing.pop(name)
        outcomes = list(compute.run(step, [strings_as_units(own)], file=name)) if own else []
        counts["not_embedded"] += n_rows([outcome.set_aside for outcome in outcomes])
        new = [SURFACE_VECTORS.empty(), *(outcome.rows for outcome in outcomes)]
        counts["embedded"] += n_rows(new)
        return SURFACE_VECTORS.sort(pa.concat_tables([_known(tables, linker, name), *new]))

    def published(name: str) -> None:
        if step is not None:
            compute.published(step, file=name)

    return [
        Recipe(
            table=SURFACE_VECTORS,
            partition=name,
            inputs=inputs,
            rows=lambda name=name: bucket(name),
            gates={"keys_are_unique": gates.keys_are_unique},
            expected=before(name),
            after=lambda name=name: published(name),
        )
        for name in BUCKETS
    ]


def known_vectors(tables: Lake, linker: Linker, strings: Sequence[str]) -> pa.Table:
    """SURFACE_VECTORS of those strings that have one of the linker's encoder."""
    if not linker.encoder_version:
        return SURFACE_VECTORS.empty()
    places: dict[str, list[str]] = defaultdict(list)
    for string in strings:
        places[string_bucket(string)].append(string)
    found = [
        _known(tables, linker, name, pl.col("normalised").is_in(pl.Series(own).implode()))
        for name, own in sorted(places.items())
    ]
    return pa.concat_tables([SURFACE_VECTORS.empty(), *found])


def _known(tables: Lake, linker: Linker, bucket: str, which: pl.Expr | None = None) -> pa.Table:
    """Vectors of a bucket by the linker's encoder; none, if the bucket is not whole."""
    if not _is_whole(tables, SURFACE_VECTORS, bucket):
        return SURFACE_VECTORS.empty()
    is_own = pl.col("encoder_version") == linker.encoder_version
    rows = tables.scan(SURFACE_VECTORS, bucket).filter(is_own if which is None else is_own & which)
    table = rows.collect().to_arrow(compat_level=pl.CompatLevel.oldest())
    return SURFACE_VECTORS.check(table.cast(SURFACE_VECTORS.schema))


def _live(tables: Lake, bucket: str) -> pa.Table:
    """A bucket as it is."""
    if not _is_whole(tables, SURFACE_VECTORS, bucket):
        return SURFACE_VECTORS.empty()
    return tables.read(SURFACE_VECTORS, bucket)


def _is_whole(tables: Lake, table: Table, bucket: str) -> bool:
    live = tables.live(table, bucket)
    return live is not None and tables.is_whole(table, live)


def _asked_anew(tables: Lake, linker: Linker, inputs: dict[str, str]) -> Callable[[str], pa.Table]:
    """The surfaces of a bucket whose strings may lack a vector.

    All, if anything but the surfaces is another one than last time; else those without a link.
    """
    # A run that was killed may have made some buckets with other inputs than the rest.
    same = all(
        made_with(tables, SURFACE_VECTORS, name, inputs, but={"surfaces"}) for name in BUCKETS
    )

    def surfaces(name: str) -> pa.Table:
        rows = tables.read(SURFACES, name)
        if not same or not _is_whole(tables, LINKS, name):
            return rows
        linked = tables.scan(LINKS, name, ["surface_id", "linker_version"])
        own = linked.filter(pl.col("linker_version") == linker.version).select("surface_id")
        there = pl.Series(rows["surface_id"]).is_in(own.unique().collect().to_series().implode())
        return rows.filter(pa.array((~there).to_numpy()))

    return surfaces


def _without_vector(
    tables: Lake, linker: Linker, surfaces: Callable[[str], pa.Table]
) -> dict[str, list[str]]:
    """By bucket the strings that linking asks vectors of, and that have none; ascending."""
    asked: dict[str, set[str]] = {name: set() for name in BUCKETS}
    for name in BUCKETS:
        for string in linker.embedded(surfaces(name)):
            asked[string_bucket(string)].add(string)
    return {name: sorted(own - _strings(tables, linker, name)) for name, own in asked.items()}


def _strings(tables: Lake, linker: Linker, bucket: str) -> set[str]:
    """The strings of a bucket that have a vector of the linker's encoder."""
    if not _is_whole(tables, SURFACE_VECTORS, bucket):
        return set()
    rows = tables.scan(SURFACE_VECTORS, bucket, ["normalised", "encoder_version"])
    own = rows.filter(pl.col("encoder_version") == linker.encoder_version)
    return set(own.collect()["normalised"].to_list())
