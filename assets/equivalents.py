"""Mapping files and cross-references become equivalents: one thing, one identifier."""

from functools import cache

import dagster as dg
import duckdb
import pyarrow as pa

from assets import gates
from assets.making import Events, Gate, Recipe, make, seen
from assets.partitions import live_ontologies
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from assets.vocabularies import GROUP, VocabularyConfig
from kazu_platform.documents import digest
from kazu_platform.ontologies.equivalence import EQUIVALENCE_VERSION, find_equivalents
from kazu_platform.ontologies.mappings import MAPPINGS_CODE_VERSION, STAGE, parse_mappings
from kazu_platform.settings import Catalogue
from kazu_platform.storage.downloads import fetched_file
from kazu_platform.storage.lake import Lake, Staged
from kazu_platform.tables import (
    CONCEPT_EQUIVALENTS,
    CONCEPT_MAPPINGS,
    CONCEPT_XREFS,
    CONCEPTS,
    QUARANTINE,
)
from resources.sources import SourcesResource
from resources.storage import LakeResource

_NOT_LEADERS = """
SELECT e.leader_id FROM equivalents e
WHERE e.leader_id IS NOT NULL AND (
    EXISTS (
        FROM equivalents f WHERE f.concept_id = e.leader_id AND f.ontology = e.leader_ontology
        AND f.leader_id IS NOT NULL
    ) OR NOT EXISTS (
        FROM concepts c WHERE c.concept_id = e.leader_id AND c.ontology = e.leader_ontology
        AND NOT c.obsolete
    )
)
"""


def concept_mappings_asset(mapping_sets: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset that parses the mapping sets of the catalogue."""

    @dg.asset(
        deps=["mapping_files"],
        partitions_def=mapping_sets,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        retry_policy=RETRY,
        code_version=MAPPINGS_CODE_VERSION,
        metadata=definition_metadata(CONCEPT_MAPPINGS),
        check_specs=[
            gates.spec(
                CONCEPT_MAPPINGS,
                "keys_are_unique",
                "A mapping stands there once.",
                partitions_def=mapping_sets,
            ),
            gates.spec(
                CONCEPT_MAPPINGS,
                "did_not_shrink",
                "A new version has at least nine tenths of the mappings of the former.",
                partitions_def=mapping_sets,
            ),
        ],
    )
    @final_errors
    def concept_mappings(
        context: dg.AssetExecutionContext,
        config: VocabularyConfig,
        sources: SourcesResource,
        lake: LakeResource,
    ) -> Events:
        """Mappings between concepts of two vocabularies, from SSSOM files and tables."""
        source, tables = sources.catalogue().mapping(context.partition_key), lake.open()
        path = sources.mapping_file(source)
        parsed = cache(lambda: parse_mappings(source, path))

        def did_not_shrink(staged: Staged) -> dg.AssetCheckResult:
            live = tables.live(CONCEPT_MAPPINGS, source.name)
            before = live.n_rows if live and not config.accept_shrinkage else None
            return gates.did_not_shrink(CONCEPT_MAPPINGS, staged.n_rows, before)

        yield from make(
            tables,
            Recipe(
                table=CONCEPT_MAPPINGS,
                partition=source.name,
                inputs={
                    "file": fetched_file(path).sha256,
                    "code": MAPPINGS_CODE_VERSION,
                    "source": digest(source.model_dump_json()),
                },
                rows=lambda: parsed().mappings,
                gates={"keys_are_unique": gates.keys_are_unique, "did_not_shrink": did_not_shrink},
                explain=lambda: _set_aside(tables, source.name, parsed().set_aside),
                figures=lambda: {"set_aside": parsed().set_aside.num_rows},
                pictures=lambda: {"version": parsed().version, "licence": source.licence},
            ),
        )

    return concept_mappings


def _set_aside(tables: Lake, name: str, rows: pa.Table) -> None:
    tables.write(QUARANTINE, rows, partition=f"{STAGE}/{name}")


@dg.asset(
    deps=["concepts", "concept_xrefs", "concept_mappings"],
    group_name=GROUP,
    kinds={"polars", "parquet"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=EQUIVALENCE_VERSION,
    metadata=definition_metadata(CONCEPT_EQUIVALENTS),
    check_specs=[
        gates.spec(CONCEPT_EQUIVALENTS, "keys_are_unique", "A concept has one leader."),
        gates.spec(
            CONCEPT_EQUIVALENTS, "leaders_lead", "A leader is a concept in use that follows none."
        ),
    ],
)
@final_errors
def concept_equivalents(lake: LakeResource, sources: SourcesResource) -> Events:
    """The concept that each concept of a less preferred ontology goes by, and why; the refused."""
    tables, catalogue = lake.open(), sources.catalogue()
    expected = seen(tables, CONCEPT_EQUIVALENTS)("all")
    ontologies = live_ontologies(tables, CONCEPTS, catalogue)
    mapping_sets = _live_mapping_sets(tables, catalogue)
    allowed = catalogue.equivalent_xrefs()
    concepts = cache(lambda: tables.read(CONCEPTS, ontologies))
    rows = cache(
        lambda: find_equivalents(
            concepts(),
            tables.read(CONCEPT_XREFS, ontologies),
            tables.read(CONCEPT_MAPPINGS, mapping_sets),
            preference=ontologies,
            equivalent_xrefs=allowed,
        )
    )
    checks: dict[str, Gate] = {
        "keys_are_unique": gates.keys_are_unique,
        "leaders_lead": lambda staged: leaders_lead(concepts(), staged),
    }
    inputs = {
        "concepts": tables.version(CONCEPTS, ontologies),
        "xrefs": tables.version(CONCEPT_XREFS, ontologies),
        "mappings": tables.version(CONCEPT_MAPPINGS, mapping_sets),
        "preference": ",".join(ontologies),
        "equivalent_xrefs": str(sorted(allowed.items())),
        "code": EQUIVALENCE_VERSION,
    }
    recipe = Recipe(
        table=CONCEPT_EQUIVALENTS,
        partition="all",
        inputs=inputs,
        rows=rows,
        gates=checks,
        figures=lambda: joined_and_refused(rows()),
        expected=expected,
    )
    yield from make(tables, recipe)


def _live_mapping_sets(lake: Lake, catalogue: Catalogue) -> list[str]:
    live = set(lake.partitions(CONCEPT_MAPPINGS))
    return [source.name for source in catalogue.mappings if source.name in live]


def joined_and_refused(rows: pa.Table) -> dict[str, float]:
    """Concepts that got a leader, that were refused one, and identifiers from elsewhere."""
    with duckdb.connect() as connection:
        connection.register("equivalents", rows)
        found = connection.sql(
            "SELECT count(*) FILTER (ontology <> '' AND refused IS NULL), "
            "count(*) FILTER (refused IS NOT NULL), count(*) FILTER (ontology = '') "
            "FROM equivalents"
        ).fetchall()[0]
    return dict(zip(("joined", "refused", "elsewhere"), map(float, found), strict=True))


def leaders_lead(concepts: pa.Table, staged: Staged) -> dg.AssetCheckResult:
    """A leader is a concept in use, and goes by no other."""
    with duckdb.connect() as connection:
        connection.register("equivalents", staged.read())
        connection.register("concepts", concepts)
        wrong = connection.sql(_NOT_LEADERS).fetchall()
    return dg.AssetCheckResult(
        passed=not wrong,
        asset_key=staged.table.name,
        check_name="leaders_lead",
        description=f"{len(wrong)} equivalents go by a concept that does not lead",
        metadata={"equivalents": staged.n_rows, "examples": str(wrong[:3])},
    )
