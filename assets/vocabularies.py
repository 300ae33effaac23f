"""Ontology files become vocabularies: concepts, their names, relations and cross-references."""

from collections.abc import Callable
from functools import cache

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets import gates
from assets.curations import written_curations
from assets.making import Events, Gate, Recipe, is_made, make
from assets.releases import DESCRIPTION, GATE, ReleaseGate, only_curated
from assets.results import OWNERS, RETRY, definition_metadata, final_errors
from kazu_platform.documents import digest
from kazu_platform.errors import LakeError
from kazu_platform.ontologies.curating import apply_curations
from kazu_platform.ontologies.curation_effects import CONCEPT_COLUMNS
from kazu_platform.ontologies.curations import content_version, touching
from kazu_platform.ontologies.vocabulary import (
    VOCABULARY_CODE_VERSION,
    Vocabulary,
    parse_vocabulary,
)
from kazu_platform.reports.released import TABLES_OF_AN_ONTOLOGY, was_taken_back
from kazu_platform.settings import OntologySource
from kazu_platform.storage.downloads import fetched_file
from kazu_platform.storage.lake import ANY, Lake, Pointer, Staged
from kazu_platform.tables import (
    CONCEPT_RELATIONS,
    CONCEPT_XREFS,
    CONCEPTS,
    QUARANTINE,
    SYNONYMS,
    Table,
)
from kazu_platform.text.normalise import NORMALISER_VERSION
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "vocabularies"
CODE_VERSION = f"{VOCABULARY_CODE_VERSION}-{NORMALISER_VERSION}"


def vocabularies_asset(ontologies: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets that parse an ontology file into its four tables."""
    descriptions = {
        CONCEPTS: "Concepts of an ontology: id, label, definition, obsolete and what replaces it.",
        SYNONYMS: "Names of concepts with scope, case rule and normalised form.",
        CONCEPT_RELATIONS: "is_a and other relations that an ontology asserts.",
        CONCEPT_XREFS: "Cross-references of concepts to other vocabularies.",
    }

    @dg.multi_asset(
        name="vocabularies",
        partitions_def=ontologies,
        specs=[
            dg.AssetSpec(
                table.name,
                deps=["ontology_files", *(["curation_file"] if table is SYNONYMS else [])],
                description=text,
                group_name=GROUP,
                kinds={"polars", "parquet"},
                owners=OWNERS,
                code_version=CODE_VERSION,
                metadata=definition_metadata(table),
            )
            for table, text in descriptions.items()
        ],
        check_specs=[
            *(
                gates.spec(
                    table,
                    "did_not_shrink",
                    "A new version has at least nine tenths of the concepts of the former.",
                    partitions_def=ontologies,
                )
                for table in (SYNONYMS, CONCEPTS)
            ),
            *(
                gates.spec(
                    table, "keys_are_unique", f"One row is {table.row}.", partitions_def=ontologies
                )
                for table in descriptions
            ),
            gates.spec(SYNONYMS, GATE, DESCRIPTION, partitions_def=ontologies),
            gates.spec(
                CONCEPTS,
                "size_is_expected",
                "Half to three times as many concepts and bytes as the catalogue expects.",
                partitions_def=ontologies,
                blocking=False,
            ),
        ],
        retry_policy=RETRY,
    )
    @final_errors
    def vocabularies(
        context: dg.AssetExecutionContext,
        config: VocabularyConfig,
        sources: SourcesResource,
        lake: LakeResource,
        artifacts: ArtifactsResource,
    ) -> Events:
        source, tables = sources.catalogue().ontology(context.partition_key), lake.open()
        yield from make(tables, *_recipes(tables, sources, artifacts, source, config))
        yield _size(tables, sources, source)

    return vocabularies


def _size(lake: Lake, sources: SourcesResource, source: OntologySource) -> dg.AssetCheckResult:
    """Judged each time, though nothing may have been made: the catalogue's figure may be new."""
    concepts = lake.read(CONCEPTS, source.name)
    n_bytes = sources.ontology_file(source).stat().st_size
    return gates.size_is_expected(CONCEPTS, n_in_use(concepts), n_bytes, source.expected_size)


class VocabularyConfig(dg.Config):
    """What a person may decide about one run."""

    accept_shrinkage: bool = Field(
        default=False, description="Publish a version that lost more than a tenth of its concepts."
    )


def _recipes(
    lake: Lake,
    sources: SourcesResource,
    artifacts: ArtifactsResource,
    source: OntologySource,
    config: VocabularyConfig,
) -> list[Recipe]:
    """The four tables of one ontology, parsed once; names first, as they carry the gate.

    Where only curations changed, the names that are live are curated anew and nothing is parsed.
    A file that was taken back changes nothing either, until somebody accepts it.
    """
    path = sources.ontology_file(source)
    file = fetched_file(path).sha256
    inputs = _held(lake, sources, source, file) or {
        "file": file,
        "code": CODE_VERSION,
        "source": digest(source.model_dump_json(exclude={"expected_size"})),
    }

    curations = touching(written_curations(sources), source)
    curated = inputs | {"curations": content_version(curations)}
    known = _names_to_curate(lake, source.name, inputs, curated)

    @cache
    def parsed() -> Vocabulary:
        return parse_vocabulary(source, path)

    def names() -> pa.Table:
        if known is None:
            return apply_curations(parsed().synonyms, curations, parsed().concepts)
        live = lake.read(SYNONYMS, source.name)
        return apply_curations(
            live, curations, lake.read(CONCEPTS, source.name, list(CONCEPT_COLUMNS))
        )

    def did_not_shrink(staged: Staged) -> dg.AssetCheckResult:
        before, says = None, ["active" if staged.table is SYNONYMS else "obsolete"]
        if lake.live(staged.table, source.name) and not config.accept_shrinkage:
            before = n_in_use(lake.read(staged.table, source.name, says))
        return gates.did_not_shrink(staged.table, n_in_use(staged.read(says)), before)

    def explain() -> None:
        lake.write(QUARANTINE, parsed().set_aside, partition=f"concepts/{source.name}")

    def facts() -> dict[str, str]:
        return {"ontology_version": parsed().version, "licence": source.licence}

    unique: dict[str, Gate] = {"keys_are_unique": gates.keys_are_unique}
    whole = unique | {"did_not_shrink": did_not_shrink}
    columns: list[tuple[Table, Callable[[], pa.Table], dict[str, Gate]]] = [
        (CONCEPT_RELATIONS, lambda: parsed().relations, unique),
        (CONCEPT_XREFS, lambda: parsed().xrefs, unique),
        (CONCEPTS, lambda: parsed().concepts, whole),
    ]

    def figures() -> dict[str, float]:
        return {"set_aside": parsed().set_aside.num_rows}

    release = ReleaseGate(lake, sources, artifacts, source, file, parsed)
    synonyms = Recipe(
        table=SYNONYMS,
        partition=source.name,
        inputs=curated,
        rows=names,
        gates=whole | {GATE: release.judge if known is None else only_curated},
        explain=explain if known is None else None,
        figures=figures if known is None else None,
        pictures=facts if known is None else None,
        expected=known.generation if known else ANY,
        after=release.record,
    )
    others = [
        Recipe(
            table=table,
            partition=source.name,
            inputs=inputs,
            rows=rows,
            gates=checks,
            figures=figures,
            pictures=facts,
        )
        for table, rows, checks in columns
    ]
    return [synonyms, *others]


def _held(
    lake: Lake, sources: SourcesResource, source: OntologySource, file: str
) -> dict[str, str] | None:
    """What the live concepts were made from, if this file was taken back and stays so.

    Raises:
        LakeError: what is live instead cannot be read by this version of the platform.
    """
    accepted = sources.catalogue().releases.acceptance(source.name, file)
    if accepted or not was_taken_back(lake, source.name, file):
        return None
    live = {table: lake.live(table, source.name) for table in TABLES_OF_AN_ONTOLOGY}
    if not all(each and lake.is_whole(table, each) for table, each in live.items()):
        raise LakeError(
            f"{source.name}: the file was taken back, and this version of the platform cannot read "
            f"what is live instead; accept file {file[:12]} in the catalogue's `releases`, or name "
            "another one."
        )
    return dict(lake.pointer(CONCEPTS, source.name).inputs)


def curated_otherwise(lake: Lake, sources: SourcesResource) -> list[str]:
    """Ontologies in the lake whose names are not as the fetched curations want them."""
    written = written_curations(sources)

    def differs(source: OntologySource) -> bool:
        live = lake.live(SYNONYMS, source.name)
        wanted = content_version(touching(written, source))
        return live is not None and live.inputs.get("curations") != wanted

    return [source.name for source in sources.catalogue().ontologies if differs(source)]


def _names_to_curate(
    lake: Lake, ontology: str, inputs: dict[str, str], curated: dict[str, str]
) -> Pointer | None:
    """The live names, if nothing but curations changed since they and their concepts were made."""
    live = lake.live(SYNONYMS, ontology)
    if live is None or dict(live.inputs) | {"curations": curated["curations"]} != curated:
        return None
    concepts = Recipe(CONCEPTS, ontology, inputs, rows=CONCEPTS.empty)
    return live if lake.is_whole(SYNONYMS, live) and is_made(lake, concepts) else None


def n_in_use(rows: pa.Table) -> int:
    """Concepts that are not obsolete, or names that are active."""
    names = "active" in rows.column_names
    used = rows["active"].to_numpy() if names else ~rows["obsolete"].to_numpy()
    return int(used.sum())
