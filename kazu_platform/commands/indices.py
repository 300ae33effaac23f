"""The indices that commands read texts with: the live ones, or compiled on the spot."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kazu_platform.errors import ArtifactError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pyarrow as pa

    from kazu_platform.linking.annotate import LabellingLinker
    from kazu_platform.linking.index import LinkingIndex
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.ontologies.vocabulary import Vocabulary
    from kazu_platform.settings import Catalogue, OntologySource, Settings
    from kazu_platform.storage.artifacts import ArtifactStore

T = TypeVar("T")


def open_detector(store: ArtifactStore) -> DictionaryDetector:
    """The detector of the live dictionary.

    Raises:
        ArtifactError: there is none, or it was made by another version; says what to run.
    """
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.ner.dictionary_index import open_dictionary_index

    dictionary = store.live("dictionary")
    try:
        return DictionaryDetector(open_dictionary_index(dictionary.content))
    except ArtifactError as error:
        raise ArtifactError(f"{error} Run: kazu-platform demo") from None


def open_linker(store: ArtifactStore, linker: str) -> LabellingLinker:
    """The linker of the live linking index.

    Args:
        store: Where indices and models are kept.
        linker: hybrid or names.

    Raises:
        ArtifactError: there is none, or it was made by another version; says what to run.
    """
    from kazu_platform.linking.open import LinkerParts

    parts = LinkerParts.live(store, linker, threads=len(os.sched_getaffinity(0)))
    try:
        return parts.open()
    except ArtifactError as error:
        raise ArtifactError(f"{error} Run: kazu-platform demo") from None


def open_live(settings: Settings, catalogue: Catalogue, open_: Callable[[ArtifactStore], T]) -> T:
    """What `open_` makes of the live indices.

    The embedded sample's are compiled if there are none of use.

    Raises:
        ArtifactError: those of another catalogue were not made yet, or by another version.
    """
    from kazu_platform.storage.places import open_artifacts

    store = open_artifacts(settings)
    try:
        return open_(store)
    except (ArtifactError, OSError):
        if settings.sources != "sample":
            raise
    settings.make_home()
    sys.stderr.write("Compiling the embedded sample's vocabularies, once ...\n")
    _compile(catalogue, store)
    return open_(store)


def compiled_detector(catalogue: Catalogue, folder: Path) -> DictionaryDetector:
    """The detector of a catalogue whose files are all on this machine, compiled to a folder.

    Raises:
        ConfigurationError: a file has to be downloaded first.
    """
    from kazu_platform.ner.compile import build_dictionary_index
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.ner.dictionary_index import open_dictionary_index

    build_dictionary_index(_synonyms(catalogue, _parse(catalogue), _curations(catalogue)), folder)
    return DictionaryDetector(open_dictionary_index(folder))


@dataclass(frozen=True)
class Linkable:
    """What links go to: the opened index, and the tables that say what other ids mean in it."""

    index: LinkingIndex
    concepts: pa.Table
    xrefs: pa.Table
    equivalents: pa.Table


def live_linkable(settings: Settings) -> Linkable:
    """The live linking index with the tables of the lake.

    Raises:
        ArtifactError: there is no index, it was made by another version, or the lake has no
            vocabularies; says what to run.
    """
    from kazu_platform.linking.index import open_linking_index
    from kazu_platform.storage.places import open_artifacts, open_lake
    from kazu_platform.tables import CONCEPT_EQUIVALENTS, CONCEPT_XREFS, CONCEPTS

    try:
        index = open_linking_index(open_artifacts(settings).live("linking").content)
    except ArtifactError as error:
        raise ArtifactError(f"{error} Run: kazu-platform demo") from None
    lake = open_lake(settings)
    if not lake.partitions(CONCEPTS):
        raise ArtifactError(
            f"{settings.lake} has no vocabularies to say what ids mean. Run: kazu-platform demo, "
            "or give a catalogue: --sources sample"
        )
    return Linkable(
        index, *(lake.read(table) for table in (CONCEPTS, CONCEPT_XREFS, CONCEPT_EQUIVALENTS))
    )


def compiled_linkable(catalogue: Catalogue, folder: Path) -> tuple[Linkable, DictionaryDetector]:
    """The linking index and the dictionary of a catalogue on this machine, compiled to a folder.

    Raises:
        ConfigurationError: a file has to be downloaded first.
    """
    from kazu_platform.linking.index import open_linking_index
    from kazu_platform.ner.dictionary import DictionaryDetector
    from kazu_platform.ner.dictionary_index import open_dictionary_index

    read = _read(catalogue)
    read.build_dictionary(folder / "dictionary")
    read.build_linking(folder / "linking")
    return (
        Linkable(
            open_linking_index(folder / "linking"), read.concepts, read.xrefs, read.equivalents
        ),
        DictionaryDetector(open_dictionary_index(folder / "dictionary")),
    )


def compiled_similar(
    catalogue: Catalogue,
    index: LinkingIndex,
    store: ArtifactStore,
    classes: Collection[str],
    *,
    encoder: Path | None = None,
) -> Path:
    """The similar names of an index that was compiled on the spot, with vectors of some classes.

    They are kept by the name of the catalogue, so that vectors are made once.
    """
    from kazu_platform.linking.evidence import EMBEDDED
    from kazu_platform.linking.open import SIMILAR, LazyEmbedder, linking_model
    from kazu_platform.linking.similar import open_similar_names
    from kazu_platform.linking.similar_compile import build_similar_names

    name = f"{SIMILAR}-{catalogue.name}"
    source = encoder or linking_model(store)
    embedder = LazyEmbedder(source, threads=len(os.sched_getaffinity(0)))
    former = None
    if store.live_version(name):
        try:
            former = open_similar_names(store.live(name).content)
        except ArtifactError:
            sys.stderr.write("The vectors of names are of another version.\n")
    kept = former.manifest.embedded if former else ()
    embedded = (EMBEDDED & set(classes)) | set(kept)
    inputs = {
        "linking": index.version,
        "encoder": embedder.version,
        "embedded": ",".join(sorted(embedded)),
    }
    if former is not None and dict(store.live(name).inputs) == inputs:
        return former.folder
    sys.stderr.write("Embedding names, once ...\n")
    with store.stage(name) as staged:
        build_similar_names(
            index,
            staged.content,
            embedder=embedder,
            embedded=embedded,
            former=former,
            says=_say,
        )
        return staged.commit(inputs=inputs).content


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _compile(catalogue: Catalogue, store: ArtifactStore) -> None:
    read = _read(catalogue)
    with store.stage("dictionary") as staged:
        read.build_dictionary(staged.content)
        staged.commit().verify()  # of equal versions the first one stays, and it may be damaged
    with store.stage("linking") as staged:
        read.build_linking(staged.content)
        staged.commit().verify()


@dataclass(frozen=True)
class _Read:
    """The vocabularies of a catalogue, curated, and who stands for whom."""

    preference: Sequence[str]
    concepts: pa.Table
    synonyms: pa.Table
    xrefs: pa.Table
    equivalents: pa.Table
    curations: pa.Table

    def build_dictionary(self, folder: Path) -> None:
        from kazu_platform.ner.compile import build_dictionary_index

        build_dictionary_index(self.synonyms, folder)

    def build_linking(self, folder: Path) -> None:
        from kazu_platform.linking.compile import build_linking_index
        from kazu_platform.ontologies.curations import preferences

        build_linking_index(
            self.concepts,
            self.synonyms,
            folder,
            ontologies=self.preference,
            equivalents=self.equivalents,
            preferences=preferences(self.curations),
        )


def _read(catalogue: Catalogue) -> _Read:
    import pyarrow as pa

    from kazu_platform.ontologies.equivalence import find_equivalents
    from kazu_platform.ontologies.mappings import parse_mappings
    from kazu_platform.tables import CONCEPT_MAPPINGS

    parsed, curations = _parse(catalogue), _curations(catalogue)
    concepts = pa.concat_tables([vocabulary.concepts for vocabulary in parsed])
    xrefs = pa.concat_tables([vocabulary.xrefs for vocabulary in parsed])
    sets = [parse_mappings(source, Path(source.url)).mappings for source in catalogue.mappings]
    preference = catalogue.by_preference()
    equivalents = find_equivalents(
        concepts,
        xrefs,
        pa.concat_tables([CONCEPT_MAPPINGS.empty(), *sets]),
        preference=preference,
        equivalent_xrefs=catalogue.equivalent_xrefs(),
    )
    synonyms = _synonyms(catalogue, parsed, curations)
    return _Read(preference, concepts, synonyms, xrefs, equivalents, curations)


def _parse(catalogue: Catalogue) -> list[Vocabulary]:
    from kazu_platform.ontologies.vocabulary import parse_vocabulary

    return [parse_vocabulary(source, _local(source)) for source in catalogue.ontologies]


def _local(source: OntologySource) -> Path:
    url = source.url.removeprefix("file://")
    if "://" in url:
        raise ConfigurationError(
            f"ontologies.{source.name}: {url} is not on this machine. Materialise the catalogue "
            "(KAZU_SOURCES, kazu-platform demo), then leave --sources out."
        )
    return Path(url)


def _synonyms(catalogue: Catalogue, parsed: list[Vocabulary], curations: pa.Table) -> pa.Table:
    import pyarrow as pa

    from kazu_platform.ontologies.curating import apply_curations
    from kazu_platform.ontologies.curations import touching
    from kazu_platform.tables import SYNONYMS

    curated = [
        apply_curations(vocabulary.synonyms, touching(curations, source), vocabulary.concepts)
        for source, vocabulary in zip(catalogue.ontologies, parsed, strict=True)
    ]
    return pa.concat_tables([SYNONYMS.empty(), *curated])


def _curations(catalogue: Catalogue) -> pa.Table:
    """The curations of a catalogue whose files all lie on this machine, as of today."""
    from kazu_platform.ontologies.curations import read_curations
    from kazu_platform.tables import CURATIONS

    if catalogue.curations is None:
        return CURATIONS.empty()
    path, today = Path(catalogue.curations), datetime.now(UTC).date()
    return read_curations(path, today=today, ontologies=catalogue.ontologies)
