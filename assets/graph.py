"""Counts within files become nodes and edges of the whole corpus.

A revised or deleted citation counts again only the files that gained, lost or changed a current
version; nodes and edges are sums over all files.
"""

from functools import cache
from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from assets import gates
from assets.making import Events, Recipe, is_made, make, make_all, seen
from assets.partitions import live_ontologies
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from kazu_platform.documents import digest
from kazu_platform.graph.kgx import export_kgx, is_export_of, kgx_problems, note_export
from kazu_platform.graph.network import CO_OCCURRENCE, NETWORK_VERSION, nodes_and_edges
from kazu_platform.graph.pairs import COUNTING_VERSION, count_pairs
from kazu_platform.graph.population import count_documents
from kazu_platform.graph.staleness import current_digests, link_versions, pairs_fingerprint
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import (
    CITATIONS,
    CONCEPT_EQUIVALENTS,
    CONCEPT_RELATIONS,
    CONCEPTS,
    CURRENT_CITATIONS,
    EDGES,
    LINKS,
    MENTIONS,
    NODES,
    PAIR_COUNTS,
    SENTENCES,
    SURFACES,
)
from resources.sources import SourcesResource
from resources.storage import LakeResource, WarehouseResource

GROUP = "graph"
CO_OCCURRENCE_LICENCE = "CC0-1.0"


@dg.asset(
    deps=["mentions", "links", "current_citations", "citations", "sentences"],
    group_name=GROUP,
    kinds={"duckdb"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version=COUNTING_VERSION,
    metadata=definition_metadata(PAIR_COUNTS),
    check_specs=[gates.spec(PAIR_COUNTS, "keys_are_unique", "A pair stands once in a file.")],
)
@final_errors
def pair_counts(lake: LakeResource) -> Events:
    """Concepts named together in the current citations of each file; only stale files counted.

    A file that was read after the surfaces were linked waits for the next time.
    """
    tables = lake.open()
    before = seen(tables, PAIR_COUNTS)
    links = tables.read(LINKS)
    digests, versions = current_digests(tables.read(CURRENT_CITATIONS)), link_versions(links)
    files = tables.pointers(MENTIONS)
    best = links.filter(pc.field("rank") == 1)
    for gone in set(tables.partitions(PAIR_COUNTS)) - set(files):
        tables.drop(PAIR_COUNTS, gone)

    def count(file: str) -> pa.Table:
        return count_pairs(
            mentions=tables.read(MENTIONS, file),
            links=best,
            citations=tables.read(CITATIONS, file),
            sentences=tables.read(SENTENCES, file),
            current=current().get(file, CURRENT_CITATIONS.empty()),
            file=file,
        )

    def recipe(file: str, mentions_version: str) -> Recipe:
        fingerprint = pairs_fingerprint(
            mentions_version=mentions_version,
            current_digest=digests.get(file),
            link_versions=versions,
        )
        return Recipe(
            table=PAIR_COUNTS,
            partition=file,
            inputs={
                "fingerprint": fingerprint,
                "citations": tables.pointer(CITATIONS, file).data_version,
                "sentences": tables.pointer(SENTENCES, file).data_version,
            },
            rows=lambda: count(file),
            gates={"keys_are_unique": gates.keys_are_unique},
            expected=before(file),
        )

    recipes = [recipe(file, pointer.data_version) for file, pointer in files.items()]
    stale = [each.partition for each in recipes if not is_made(tables, each)]
    current = cache(lambda: _current_of(tables, stale))
    waiting = _waiting(tables, stale)
    ready = [each for each in recipes if each.partition not in waiting]
    yield from make_all(tables, PAIR_COUNTS, ready, facts=lambda: {"waiting": len(waiting)})


def _current_of(tables: Lake, files: list[str]) -> dict[str, pa.Table]:
    """CURRENT_CITATIONS of each of the files that has any: searched once, not for each."""
    rows = tables.scan(CURRENT_CITATIONS).filter(pl.col("file").is_in(files)).collect()
    parts = rows.partition_by("file", as_dict=True)
    return {str(file): part.to_arrow() for (file,), part in parts.items()}


def _waiting(tables: Lake, files: list[str]) -> set[str]:
    """Those of the files that name a surface which `links` has yet to see."""
    if not files:
        return set()
    links = tables.pointers(LINKS)
    seen = [
        bucket
        for bucket, surfaces in tables.pointers(SURFACES).items()
        if bucket in links and links[bucket].inputs.get("surfaces") == surfaces.data_version
    ]
    named = pl.concat(
        tables.scan(MENTIONS, file, ["surface_id"]).unique().with_columns(file=pl.lit(file))
        for file in files
    )
    linked = tables.scan(SURFACES, seen, ["surface_id"])
    return set(named.join(linked, on="surface_id", how="anti").collect()["file"].unique())


@dg.multi_asset(
    name="network",
    specs=[
        dg.AssetSpec(
            table.name,
            deps=[
                "pair_counts",
                "concepts",
                "concept_relations",
                "concept_equivalents",
                "current_citations",
                "citations",
            ],
            description=description,
            group_name=GROUP,
            kinds={"duckdb"},
            owners=OWNERS,
            code_version=NETWORK_VERSION,
            metadata=definition_metadata(table),
        )
        for table, description in (
            (NODES, "Biolink nodes: concepts that the corpus names, and their ancestors."),
            (EDGES, "Biolink edges: named together, with evidence; and is_a of the ontologies."),
        )
    ],
    check_specs=[
        gates.spec(NODES, "keys_are_unique", "A node stands there once."),
        gates.spec(EDGES, "keys_are_unique", "An edge stands there once."),
        gates.spec(EDGES, "no_dangling_edge", "Both ends of every edge are nodes."),
    ],
    retry_policy=RETRY,
    pool="corpus",
)
@final_errors
def network(lake: LakeResource, sources: SourcesResource) -> Events:
    """Sum the counts of all files; weigh each pair by how surprising it is."""
    tables = lake.open()
    nodes_before, edges_before = seen(tables, NODES)("all"), seen(tables, EDGES)("all")
    catalogue = sources.catalogue()
    ontologies = live_ontologies(tables, CONCEPTS, catalogue)
    licences = {each.name: each.licence for each in catalogue.ontologies}
    licences[CO_OCCURRENCE] = CO_OCCURRENCE_LICENCE
    inputs = {
        "pair_counts": tables.version(PAIR_COUNTS),
        "concepts": tables.version(CONCEPTS, ontologies),
        "relations": tables.version(CONCEPT_RELATIONS, ontologies),
        "equivalents": tables.version(CONCEPT_EQUIVALENTS),
        "citations": tables.version(CITATIONS),
        "current_citations": tables.version(CURRENT_CITATIONS),
        "licences": digest(*(part for pair in sorted(licences.items()) for part in pair)),
        "code": NETWORK_VERSION,
    }

    @cache
    def both() -> tuple[pa.Table, pa.Table]:
        return _network(tables, ontologies, licences)

    unique = {"keys_are_unique": gates.keys_are_unique}
    whole = {"no_dangling_edge": lambda staged: gates.no_dangling_edge(both()[0], staged)}
    yield from make(
        tables,
        Recipe(NODES, "all", inputs, lambda: both()[0], unique, expected=nodes_before),
        Recipe(EDGES, "all", inputs, lambda: both()[1], unique | whole, expected=edges_before),
    )


def _network(
    tables: Lake, ontologies: list[str], licences: dict[str, str]
) -> tuple[pa.Table, pa.Table]:
    return nodes_and_edges(
        [Path(file) for file in tables.files(PAIR_COUNTS)],
        tables.read(CONCEPTS, ontologies),
        tables.read(CONCEPT_RELATIONS, ontologies),
        count_documents(tables.files(CITATIONS), tables.files(CURRENT_CITATIONS)),
        licences=licences,
        equivalents=tables.read(CONCEPT_EQUIVALENTS),
    )


@dg.asset(
    deps=["nodes", "edges"],
    group_name=GROUP,
    kinds={"tsv"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("follows_the_format", asset="kgx_export", description="Valid KGX TSV.")
    ],
)
def kgx_export(lake: LakeResource, warehouse_file: WarehouseResource) -> dg.MaterializeResult:
    """Nodes and edges as KGX TSV, for graph stores and for exchange.

    An export of these very nodes and edges that lies there as it was written stays.
    """
    tables, folder = lake.open(), Path(warehouse_file.exports) / "kgx"
    version = digest(tables.version(NODES), tables.version(EDGES))
    unchanged = is_export_of(folder, version)
    problems: list[str] = []
    if not unchanged:
        export_kgx(tables.read(NODES), tables.read(EDGES), folder)
        problems = kgx_problems(folder)
        if not problems:
            note_export(folder, version)
    return dg.MaterializeResult(
        metadata={"folder": dg.MetadataValue.path(str(folder)), "unchanged": unchanged},
        data_version=dg.DataVersion(version),
        check_results=[
            dg.AssetCheckResult(
                passed=not problems,
                check_name="follows_the_format",
                description="; ".join(problems) or "columns, ids and ends of edges are right",
            )
        ],
    )
