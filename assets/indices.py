"""Vocabularies become the dictionary and the linking index.

Where the vocabularies that the index in use was made from are still in the lake, only what changed
since is compiled: a decision about one name costs little in an index of millions.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa

from assets.curations import written_curations
from assets.partitions import live_ontologies
from assets.results import OWNERS, RETRY, bad_data_is_final
from kazu_platform.errors import ArtifactError, LakeError
from kazu_platform.linking import compile as linking
from kazu_platform.linking.index import FORMAT_VERSION as LINKING_FORMAT
from kazu_platform.linking.open import OF_ONTOLOGY
from kazu_platform.ner import compile as dictionary
from kazu_platform.ner.dictionary_index import FORMAT_VERSION as DICTIONARY_FORMAT
from kazu_platform.ner.scan import SCAN_VERSION
from kazu_platform.ontologies.curations import content_version, preferences
from kazu_platform.storage.artifacts import Artifact, ArtifactStore
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CONCEPT_EQUIVALENTS, CONCEPTS, SYNONYMS
from kazu_platform.text.fold import FOLD_VERSION
from kazu_platform.text.normalise import NORMALISER_VERSION
from resources.sources import SourcesResource
from resources.storage import ArtifactsResource, LakeResource

GROUP = "vocabularies"
INDEX_VERSION = "2"
DICTIONARY, LINKING = "dictionary", "linking"
# An index that today's reader would refuse is made again.
DICTIONARY_CODE = f"{INDEX_VERSION}-{DICTIONARY_FORMAT}-{FOLD_VERSION}-{SCAN_VERSION}"
LINKING_CODE = f"{INDEX_VERSION}-{LINKING_FORMAT}-{FOLD_VERSION}-{NORMALISER_VERSION}"
DICTIONARY_COLUMNS = [*dictionary.COMPILED_COLUMNS, "active"]


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
    """Every active name, compiled for matching in text."""
    tables, store = lake.open(), artifacts.open()
    ontologies = live_ontologies(tables, SYNONYMS, sources.catalogue())
    inputs = {"code": DICTIONARY_CODE} | _generations(tables, ontologies)

    def update(live: Artifact, folder: Path) -> dict[str, int] | None:
        changed = _changed(tables, live.inputs, inputs, DICTIONARY_COLUMNS)
        if changed is None:
            return None
        removed, added = dictionary.synonym_difference(*changed)
        dictionary.update_dictionary_index(live.content, folder, removed=removed, added=added)
        return {"added": added.num_rows, "removed": removed.num_rows}

    def build(folder: Path) -> None:
        names = tables.read(SYNONYMS, ontologies, DICTIONARY_COLUMNS)
        dictionary.build_dictionary_index(names, folder)

    return _made(store, DICTIONARY, inputs, update, build)


@dg.asset(
    deps=["concepts", "synonyms", "concept_equivalents", "curation_file"],
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
    preferred = preferences(written_curations(sources))
    made_of = {
        "concepts": tables.version(CONCEPTS, ontologies),
        "equivalents": tables.version(CONCEPT_EQUIVALENTS),
        "ontologies": ",".join(ontologies),
        "code": LINKING_CODE,
    }
    inputs = made_of | {"preferences": content_version(preferred)}
    inputs |= _generations(tables, ontologies)
    columns = list(linking.COMPILED_COLUMNS)

    def known() -> dict[str, pa.Table]:
        return {
            "concepts": tables.read(CONCEPTS, ontologies, list(linking.CONCEPT_COLUMNS)),
            "equivalents": tables.read(CONCEPT_EQUIVALENTS),
            "preferences": preferred,
        }

    def synonyms_of(concept_ids: Sequence[str]) -> pa.Table:
        wanted = pl.col("concept_id").is_in(concept_ids)
        return tables.scan(SYNONYMS, ontologies, columns).filter(wanted).collect().to_arrow()

    def update(live: Artifact, folder: Path) -> dict[str, int] | None:
        if any(live.inputs.get(name) != value for name, value in made_of.items()):
            return None
        changed = _changed(tables, live.inputs, inputs, columns)
        if changed is None:
            return None
        touched = linking.changed_names(*changed)
        linking.update_linking_index(
            live.content, folder, changed=touched, synonyms=synonyms_of, **known()
        )
        return {"concepts_touched": touched.num_rows}

    def build(folder: Path) -> None:
        names = tables.read(SYNONYMS, ontologies, columns)
        linking.build_linking_index(synonyms=names, folder=folder, ontologies=ontologies, **known())

    return _made(store, LINKING, inputs, update, build)


def _made(
    store: ArtifactStore,
    name: str,
    inputs: Mapping[str, str],
    update: Callable[[Artifact, Path], Mapping[str, int] | None],
    build: Callable[[Path], None],
) -> dg.MaterializeResult:
    """The index of these inputs: the one in use, that one brought up to date, or a new one.

    Args:
        store: where indices are kept.
        name: of the index.
        inputs: what it is to be made from.
        update: writes a folder from the index in use, and says what changed; nothing if it cannot.
        build: writes it in full.
    """
    live = store.live(name) if store.live_version(name) else None
    if live and dict(live.inputs) == dict(inputs):
        return _result(live)
    with store.stage(name) as staged:
        try:
            facts = update(live, staged.content) if live else None
        except ArtifactError:  # damaged, or no longer what its inputs say
            facts = None
        if facts is None:
            build(staged.content)
        artifact = staged.commit(inputs=dict(inputs))
    return _result(artifact, {"updated": facts is not None, **(facts or {})})


def _generations(lake: Lake, ontologies: Sequence[str]) -> dict[str, str]:
    """Which names of each ontology an index is made from."""
    return {f"{OF_ONTOLOGY}{name}": lake.pointer(SYNONYMS, name).generation for name in ontologies}


def _changed(
    lake: Lake, before: Mapping[str, str], now: Mapping[str, str], columns: Sequence[str]
) -> tuple[pa.Table, pa.Table] | None:
    """Names of the ontologies that changed, before and now; nothing if they are not known."""
    if before.get("code") != now["code"] or not any(
        name.startswith(OF_ONTOLOGY) for name in before
    ):
        return None
    none = SYNONYMS.empty().select(list(columns))
    old, new = [none], [none]
    for name in sorted({*before, *now}):
        if not name.startswith(OF_ONTOLOGY) or before.get(name) == now.get(name):
            continue
        for side, generation in ((old, before.get(name)), (new, now.get(name))):
            if generation is None:  # it was not there, or is no longer
                continue
            names = _names(lake, name.removeprefix(OF_ONTOLOGY), generation, columns)
            if names is None:
                return None
            side.append(names)
    return pa.concat_tables(old), pa.concat_tables(new)


def _names(lake: Lake, ontology: str, generation: str, columns: Sequence[str]) -> pa.Table | None:
    """The names of an ontology in a generation, if it was not collected."""
    try:
        return lake.read_generation(SYNONYMS, ontology, generation, columns)
    except LakeError:  # damaged, or of another version: then all is compiled anew
        return None


def _result(
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
