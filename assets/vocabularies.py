"""Ontology files become vocabularies; vocabularies become the dictionary and the linking index."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets import gates
from assets.curations import written_curations
from assets.making import Events, Gate, Recipe, is_made, make
from assets.partitions import live_ontologies
from assets.results import OWNERS, RETRY, bad_data_is_final, definition_metadata, final_errors
from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError, LakeError
from kazu_platform.linking.index import FORMAT_VERSION as LINKING_FORMAT
from kazu_platform.linking.index import build_linking_index
from kazu_platform.ner.compile import (
    COMPILED_COLUMNS,
    build_dictionary_index,
    no_synonyms,
    synonym_difference,
    update_dictionary_index,
)
from kazu_platform.ner.dictionary_index import FORMAT_VERSION as DICTIONARY_FORMAT
from kazu_platform.ner.scan import SCAN_VERSION
from kazu_platform.ontologies.curating import apply_curations
from kazu_platform.ontologies.curation_effects import CONCEPT_COLUMNS
from kazu_platform.ontologies.curations import content_version, preferences, touching
from kazu_platform.ontologies.vocabulary import (
    VOCABULARY_CODE_VERSION,
    Vocabulary,
    parse_vocabulary,
)
from kazu_platform.settings import OntologySource
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.downloads import fetched_file
from kazu_platform.storage.lake import ANY, Lake, Pointer, Staged
from kazu_platform.tables import (
    CONCEPT_EQUIVALENTS,
    CONCEPT_RELATIONS,
    CONCEPT_XREFS,
    CONCEPTS,
    CURATIONS,
    QUARANTINE,
    SYNONYMS,
    Table,
)
from kazu_platform.text.fold import FOLD_VERSION
from kazu_platform.text.normalise import NORMALISER_VERSION
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "vocabularies"
INDEX_VERSION = "1"
DICTIONARY = "dictionary"
OF_ONTOLOGY = "synonyms/"
"""Before the name of each ontology in the inputs of the dictionary: which generation it was."""
# An index that today's reader would refuse is made again.
DICTIONARY_CODE = f"{INDEX_VERSION}-{DICTIONARY_FORMAT}-{FOLD_VERSION}-{SCAN_VERSION}"
LINKING_CODE = f"{INDEX_VERSION}-{LINKING_FORMAT}-{FOLD_VERSION}-{NORMALISER_VERSION}"
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
    ) -> Events:
        source = sources.catalogue().ontology(context.partition_key)
        yield from make(lake.open(), *_recipes(lake.open(), sources, source, config))
        yield _size(lake.open(), sources, source)

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
    lake: Lake, sources: SourcesResource, source: OntologySource, config: VocabularyConfig
) -> list[Recipe]:
    """The four tables of one ontology, parsed once; concepts last, as they carry the gate.

    Where only curations changed, the names that are live are curated anew and nothing is parsed.
    """
    path = sources.ontology_file(source)
    inputs = {
        "file": fetched_file(path).sha256,
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

    synonyms = Recipe(
        table=SYNONYMS,
        partition=source.name,
        inputs=curated,
        rows=names,
        gates=whole,
        explain=explain if known is None else None,
        figures=figures if known is None else None,
        pictures=facts if known is None else None,
        expected=known.generation if known else ANY,
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


@dg.asset(
    deps=["synonyms"],
    group_name=GROUP,
    kinds={"python"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=INDEX_VERSION,
)
@bad_data_is_final()
def dictionary_index(
    lake: LakeResource, artifacts: ArtifactsResource, sources: SourcesResource
) -> dg.MaterializeResult:
    """Every active name, compiled for matching in text.

    Where the vocabularies that the one in use was made from are still in the lake, only what
    changed since is compiled.
    """
    tables, store = lake.open(), artifacts.open()
    ontologies = live_ontologies(tables, SYNONYMS, sources.catalogue())
    inputs = {"code": DICTIONARY_CODE} | {
        f"{OF_ONTOLOGY}{name}": tables.pointer(SYNONYMS, name).generation for name in ontologies
    }
    artifact = _live_if_made_from(store, DICTIONARY, inputs)
    if artifact is not None:
        return _artifact_result(artifact)
    with store.stage(DICTIONARY) as staged:
        facts = _updated(tables, store, inputs, staged.content)
        if facts is None:
            columns = [*COMPILED_COLUMNS, "active"]
            build_dictionary_index(tables.read(SYNONYMS, ontologies, columns), staged.content)
        artifact = staged.commit(inputs=inputs)
    return _artifact_result(artifact, facts or {"updated": False})


def _updated(
    lake: Lake, store: ArtifactStore, inputs: Mapping[str, str], folder: Path
) -> dict[str, Any] | None:
    """Bring the dictionary in use up to date; nothing if it must be built in full."""
    live = store.live(DICTIONARY) if store.live_version(DICTIONARY) else None
    changed = live and _changed_synonyms(lake, live.inputs, inputs)
    if not live or not changed:
        return None
    removed, added = changed
    try:
        update_dictionary_index(live.content, folder, removed=removed, added=added)
    except ArtifactError:  # damaged, or no longer what its inputs say
        return None
    return {"updated": True, "added": added.num_rows, "removed": removed.num_rows}


def _changed_synonyms(
    lake: Lake, before: Mapping[str, str], now: Mapping[str, str]
) -> tuple[pa.Table, pa.Table] | None:
    """Names that were removed and added since; nothing if what they were is not known."""
    if before.get("code") != now["code"]:
        return None
    removed, added = [[no_synonyms()], [no_synonyms()]]
    for name in sorted({*before, *now}):
        if before.get(name) == now.get(name) or not name.startswith(OF_ONTOLOGY):
            continue
        sides = [_generation(lake, name, each.get(name)) for each in (before, now)]
        if sides[0] is None or sides[1] is None:
            return None
        gone, came = synonym_difference(sides[0], sides[1])
        removed.append(gone)
        added.append(came)
    return pa.concat_tables(removed), pa.concat_tables(added)


def _generation(lake: Lake, name: str, generation: str | None) -> pa.Table | None:
    """The names of an ontology in a generation, if it was not collected; none, if it had none."""
    if generation is None:
        return no_synonyms()
    ontology = name.removeprefix(OF_ONTOLOGY)
    try:
        return lake.read_generation(SYNONYMS, ontology, generation, [*COMPILED_COLUMNS, "active"])
    except LakeError:  # damaged, or of another version: then all is compiled anew
        return None


@dg.asset(
    deps=["concepts", "synonyms", "concept_equivalents", "curations"],
    group_name=GROUP,
    kinds={"polars"},
    owners=OWNERS,
    retry_policy=RETRY,
    code_version=INDEX_VERSION,
)
@bad_data_is_final()
def linking_index(
    lake: LakeResource, artifacts: ArtifactsResource, sources: SourcesResource
) -> dg.MaterializeResult:
    """Every name that may be linked, with its concept's leader, compiled for linking.

    Where ontologies of a class know a name equally well, the leading one is preferred, then the
    first in the catalogue; a curation may prefer a concept before that.
    """
    tables, store = lake.open(), artifacts.open()
    ontologies = live_ontologies(tables, CONCEPTS, sources.catalogue())
    preferred = preferences(tables.read(CURATIONS, "all"))
    inputs = {
        "synonyms": tables.version(SYNONYMS, ontologies),
        "concepts": tables.version(CONCEPTS, ontologies),
        "equivalents": tables.version(CONCEPT_EQUIVALENTS),
        "ontologies": ",".join(ontologies),
        "preferences": content_version(preferred),
        "code": LINKING_CODE,
    }
    artifact = _live_if_made_from(store, "linking", inputs)
    if artifact is None:
        with store.stage("linking") as staged:
            build_linking_index(
                tables.read(CONCEPTS, ontologies),
                tables.read(SYNONYMS, ontologies),
                staged.content,
                ontologies=ontologies,
                equivalents=tables.read(CONCEPT_EQUIVALENTS),
                preferences=preferred,
            )
            artifact = staged.commit(inputs=inputs)
    return _artifact_result(artifact)


def _live_if_made_from(store: ArtifactStore, name: str, inputs: dict[str, str]) -> Artifact | None:
    live = store.live(name) if store.live_version(name) else None
    return live if live and dict(live.inputs) == inputs else None


def _artifact_result(
    artifact: Artifact, facts: Mapping[str, Any] = MappingProxyType({})
) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(artifact.folder)),
            "size": f"{artifact.n_bytes:,} bytes",
            "inputs": dg.MetadataValue.json(dict(artifact.inputs)),
            **artifact.metrics,
            **facts,
        },
        data_version=dg.DataVersion(artifact.version),
    )
