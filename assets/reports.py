"""What a curator should look at: conflicts, English words, differences between versions.

Each report is a table, and a page of Markdown in the metadata of its asset.
"""

from functools import partial
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa

from assets import gates
from assets.making import Events, Recipe, make, seen
from assets.partitions import live_ontologies
from assets.plots import bars
from assets.results import OWNERS, RETRY, definition_metadata, final_errors, markdown
from kazu_platform.reports import conflicts as of_conflicts
from kazu_platform.reports import difference
from kazu_platform.reports import homonyms as of_homonyms
from kazu_platform.reports.conflicts import CONFLICTS_VERSION, find_conflicts
from kazu_platform.reports.difference import DIFFERENCE_VERSION
from kazu_platform.reports.effect import Corpus, lost_share, totals
from kazu_platform.reports.examples import example_sentences
from kazu_platform.reports.first_links import first_links
from kazu_platform.reports.former import compared, corpus_of, difference_in_lake
from kazu_platform.reports.homonyms import FLOOD_SHARE, HOMONYMS_VERSION, find_homonyms, floods
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import (
    CONCEPT_EQUIVALENTS,
    CONCEPTS,
    CONFLICTS,
    HOMONYMS,
    LINKS,
    MENTIONS,
    SURFACES,
    SYNONYMS,
    VOCABULARY_CHANGES,
    Table,
)
from resources.sources import SourcesResource
from resources.storage import LakeResource

GROUP = "reports"
CHARACTERS = 400
MAX_LOST = 0.01
FIRST = "The first version: there is nothing to compare it with."


def warns(table: Table, name: str, description: str, **more: Any) -> dg.AssetCheckSpec:  # noqa: ANN401
    """Declare a check that a person should look at, but that stops nothing."""
    return gates.spec(table, name, description, **more)._replace(blocking=False)


@dg.asset(
    deps=["concepts", "synonyms", "concept_equivalents", "surfaces", "mentions", "links"],
    group_name=GROUP,
    kinds={"polars"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version=CONFLICTS_VERSION,
    metadata=definition_metadata(CONFLICTS),
    check_specs=[gates.spec(CONFLICTS, "keys_are_unique", "A conflict stands there once.")],
)
@final_errors
def conflicts(lake: LakeResource, sources: SourcesResource) -> Events:
    """One string, several concepts: in an ontology, across ontologies, across classes.

    Concepts that follow one leader are one.
    """
    tables = lake.open()
    ontologies = live_ontologies(tables, SYNONYMS, sources.catalogue())

    def found() -> pa.Table:
        return find_conflicts(
            tables.read(CONCEPTS, ontologies),
            tables.read(SYNONYMS, ontologies),
            tables.read(SURFACES),
            equivalents=tables.read(CONCEPT_EQUIVALENTS),
            links=first_links(tables),
            examples=partial(example_sentences, tables),
        )

    def report() -> dict[str, Any]:
        live = tables.read(CONFLICTS, "all")
        return {"kinds": page(of_conflicts.counted(live)), "worst": page(of_conflicts.worst(live))}

    def pictures() -> dict[str, Any]:
        worst = of_conflicts.worst(tables.read(CONFLICTS, "all"))
        return {"affected": ranked(worst["string"], worst["mentions"], "mentions affected")}

    yield from make(
        tables,
        Recipe(
            table=CONFLICTS,
            partition="all",
            inputs=inputs_of(tables, ontologies)
            | {"code": CONFLICTS_VERSION, "equivalents": tables.version(CONCEPT_EQUIVALENTS)},
            rows=found,
            gates={"keys_are_unique": gates.keys_are_unique},
            pictures=pictures,
            report=report,
            expected=seen(tables, CONFLICTS)("all"),
        ),
    )


@dg.asset(
    deps=["synonyms", "surfaces", "mentions", "links"],
    group_name=GROUP,
    kinds={"polars"},
    owners=OWNERS,
    retry_policy=RETRY,
    pool="corpus",
    code_version=HOMONYMS_VERSION,
    metadata=definition_metadata(HOMONYMS),
    check_specs=[
        gates.spec(HOMONYMS, "keys_are_unique", "A word of a class stands there once."),
        warns(
            HOMONYMS,
            "no_flood",
            f"No English word that a person would not let pass makes over {FLOOD_SHARE:.1%} of "
            "the mentions.",
        ),
    ],
)
@final_errors
def homonyms(lake: LakeResource, sources: SourcesResource) -> Events:
    """Names that are common English words: which are matched, how often, what holds others back."""
    tables = lake.open()
    ontologies = live_ontologies(tables, SYNONYMS, sources.catalogue())

    def found() -> pa.Table:
        return find_homonyms(
            tables.read(SYNONYMS, ontologies),
            tables.read(SURFACES),
            links=first_links(tables),
            examples=partial(example_sentences, tables),
        )

    def report() -> dict[str, Any]:
        live = tables.read(HOMONYMS, "all")
        worst, held_back = of_homonyms.worst(live), of_homonyms.held_back(live)
        return {"worst": page(worst), "held_back": page(held_back)}

    yield from make(
        tables,
        Recipe(
            table=HOMONYMS,
            partition="all",
            inputs=inputs_of(tables, ontologies) | {"code": HOMONYMS_VERSION},
            rows=found,
            gates={"keys_are_unique": gates.keys_are_unique},
            report=report,
            expected=seen(tables, HOMONYMS)("all"),
        ),
    )
    yield no_flood(tables)


def vocabulary_changes_asset(ontologies: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset that compares an ontology with the version that was live before."""

    @dg.asset(
        partitions_def=ontologies,
        deps=["concepts", "synonyms"],
        group_name=GROUP,
        kinds={"polars"},
        owners=OWNERS,
        retry_policy=RETRY,
        code_version=DIFFERENCE_VERSION,
        metadata=definition_metadata(VOCABULARY_CHANGES),
        check_specs=[
            gates.spec(
                VOCABULARY_CHANGES,
                "keys_are_unique",
                "A change stands there once.",
                partitions_def=ontologies,
            ),
            warns(
                VOCABULARY_CHANGES,
                "few_mentions_lost",
                f"At most {MAX_LOST:.0%} of the mentions of the class would be lost.",
                partitions_def=ontologies,
            ),
        ],
    )
    @final_errors
    def vocabulary_changes(
        context: dg.AssetExecutionContext, lake: LakeResource, sources: SourcesResource
    ) -> Events:
        """What a new version of an ontology changes, and what that would do to the lake.

        Compared is what is live with what was live when this was last made; mentions are those of
        the lake as it stands, before the new names are matched.
        """
        tables, ontology = lake.open(), context.partition_key
        live = tables.live(VOCABULARY_CHANGES, ontology)
        pair = compared(
            live.inputs if live else None,
            tables.pointer(CONCEPTS, ontology).generation,
            tables.pointer(SYNONYMS, ontology).generation,
        )
        searched: list[int] = []

        def corpus() -> Corpus:
            catalogue = sources.catalogue()
            class_ = catalogue.ontology(ontology).entity_class
            others = [
                each
                for each in live_ontologies(tables, SYNONYMS, catalogue)
                if each != ontology and catalogue.ontology(each).entity_class == class_
            ]
            return corpus_of(tables, class_, others)

        def found() -> pa.Table:
            prediction = difference_in_lake(tables, ontology, pair, corpus)
            searched.append(prediction.n_documents)
            return prediction.changes

        def report() -> dict[str, Any]:
            rows = tables.read(VOCABULARY_CHANGES, ontology)
            if not rows.num_rows:
                return {"changes": "none" if pair.from_concepts else FIRST}
            return {
                "changes": page(difference.summary(rows)),
                "predicted": page(totals(rows)),
                "foremost": page(difference.foremost(rows)),
            }

        yield from make(
            tables,
            Recipe(
                table=VOCABULARY_CHANGES,
                partition=ontology,
                inputs=pair.inputs() | {"code": DIFFERENCE_VERSION},
                rows=found,
                gates={"keys_are_unique": gates.keys_are_unique},
                figures=lambda: {"documents_searched": sum(searched)},
                report=report,
                expected=live.generation if live else None,
            ),
        )
        yield few_mentions_lost(tables, ontology)

    return vocabulary_changes


def no_flood(lake: Lake) -> dg.AssetCheckResult:
    """Warn of English words with more mentions than any of them should have."""
    n_mentions = int(lake.scan(SURFACES).select(pl.col("n_mentions").sum()).collect().item())
    found = floods(lake.read(HOMONYMS, "all"), n_mentions)
    return dg.AssetCheckResult(
        passed=found.num_rows == 0,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=HOMONYMS.name,
        check_name="no_flood",
        description=f"{found.num_rows} English words make too many of {n_mentions:,} mentions",
        metadata={"words": page(found), "mentions": n_mentions},
    )


def few_mentions_lost(lake: Lake, ontology: str) -> dg.AssetCheckResult:
    """Warn of a version that would lose many mentions of its class."""
    changes = lake.read(VOCABULARY_CHANGES, ontology)
    share = lost_share(changes, lake.read(SURFACES)) if changes.num_rows else 0.0
    return dg.AssetCheckResult(
        passed=share <= MAX_LOST,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=VOCABULARY_CHANGES.name,
        check_name="few_mentions_lost",
        description=f"{share:.2%} of the mentions of its class would be lost",
        metadata={"lost": share},
    )


def inputs_of(lake: Lake, ontologies: list[str]) -> dict[str, str]:
    """Versions of what the reports on the lake are made from."""
    return {
        "concepts": lake.version(CONCEPTS, ontologies),
        "synonyms": lake.version(SYNONYMS, ontologies),
        "surfaces": lake.version(SURFACES),
        "mentions": lake.version(MENTIONS),
        "links": lake.version(LINKS),
    }


def page(rows: pa.Table) -> dg.MetadataValue:
    """Rows for a person to read, sentences in full."""
    return dg.MetadataValue.md(markdown(rows, characters=CHARACTERS) if rows.num_rows else "none")


def ranked(names: pa.ChunkedArray, counts: pa.ChunkedArray, title: str) -> dg.MetadataValue:
    """Bars of named counts."""
    pairs = pa.StructArray.from_arrays(
        [names.combine_chunks(), counts.combine_chunks()], ["values", "counts"]
    )
    return bars(pairs, title)
