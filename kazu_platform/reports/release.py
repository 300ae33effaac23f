"""What a new version of an ontology would do to the annotated corpus, before it goes live.

The new names are compiled as the assets would compile them, in a folder of their own, and the
documents are matched and linked again where that touches them. Compared is with what the indices
in use were made from, in files whose mentions these very indices made: so what is counted is this
version's doing and nobody else's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from kazu_platform.errors import LakeError
from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.open import LINKING, OF_ONTOLOGY, LinkerParts
from kazu_platform.ner.compile import synonym_difference, update_dictionary_index
from kazu_platform.ontologies.equivalence import find_equivalents
from kazu_platform.reports.difference import Version, vocabulary_difference
from kazu_platform.reports.preview import GAINED, LOST, RELINKED, Indices, foresee
from kazu_platform.reports.up_to_date import files_behind
from kazu_platform.tables import (
    CITATIONS,
    CONCEPT_MAPPINGS,
    CONCEPT_XREFS,
    CONCEPTS,
    MENTIONS,
    SYNONYMS,
    VOCABULARY_CHANGES,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from kazu_platform.settings import Catalogue, OntologySource
    from kazu_platform.storage.artifacts import Artifact, ArtifactStore
    from kazu_platform.storage.lake import Lake

DICTIONARY = "dictionary"
FOLLOWED = "followed"
FIRST = "first version: there is nothing to compare it with"
NO_CORPUS = "no document was annotated yet: there is nothing to compare it with"
NOT_KNOWN = (
    "the names that the indices in use were made from are no longer in the lake, so nothing was "
    "compared"
)
BEHIND = (
    "every document was read with other vocabularies or rules than those in use, so nothing was "
    "compared"
)
SAME = "no concept and no name is another than before"
_NOTHING = {
    "change": pl.String,
    "text": pl.String,
    "entity_class": pl.String,
    "before": pl.String,
    "after": pl.String,
    "doc_id": pl.String,
    "passage": pl.String,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of an ontology that may go live.

    Attributes:
        source: its entry of the catalogue.
        file: SHA-256 of its file.
        version: CONCEPTS, and SYNONYMS after curations.
        xrefs: CONCEPT_XREFS.
    """

    source: OntologySource
    file: str
    version: Version
    xrefs: pa.Table


@dataclass(frozen=True, slots=True)
class Ground:
    """What a candidate is compared with, and how.

    Attributes:
        lake: the tables.
        store: the indices.
        catalogue: for the other ontologies, and what their cross-references mean.
        preferences: CURATIONS that prefer a concept for a string.
        linker: `hybrid` or `names`.
        threads: batches that an encoder computes at once.
    """

    lake: Lake
    store: ArtifactStore
    catalogue: Catalogue
    preferences: pa.Table
    linker: str
    threads: int = 1


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """What a version changes.

    Attributes:
        candidate: the version.
        former: name of the version that it would replace; empty if there is none.
        vocabulary: VOCABULARY_CHANGES, without effects.
        mentions: a row for each mention that changes, as of `preview.foresee`.
        n_mentions: mentions of the ontology's class in the documents, before.
        n_documents: documents that were looked at.
        n_files: files that hold them.
        labels: of the concepts that mentions change from or to.
        unmeasured: why nothing was compared; empty if something was.
    """

    candidate: Candidate
    former: str = ""
    vocabulary: pa.Table = field(default_factory=VOCABULARY_CHANGES.empty)
    mentions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_NOTHING))
    n_mentions: int = 0
    n_documents: int = 0
    n_files: int = 0
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    unmeasured: str = ""


def release_report(
    candidate: Candidate, ground: Ground, folder: Path, max_documents: int
) -> ReleaseReport:
    """Compare a version of an ontology with what is in use.

    Args:
        candidate: the version.
        ground: what it is compared with.
        folder: an empty folder for the indices that the version would give.
        max_documents: files are taken, the newest first, until they hold so many documents.

    Raises:
        ArtifactError: an index is damaged.
        LakeError: a table is damaged, or another version of the platform wrote it.
    """
    lake, name = ground.lake, candidate.source.name
    if lake.live(CONCEPTS, name) is None or lake.live(SYNONYMS, name) is None:
        return ReleaseReport(candidate, unmeasured=FIRST)
    former = _former(ground, name)
    if former is None:
        return ReleaseReport(candidate, unmeasured=_why_no_former(ground))
    changes = vocabulary_difference(former, candidate.version)
    report = ReleaseReport(candidate, former.name, changes)
    if not changes.num_rows and _same_names(former, candidate.version):
        return replace(report, unmeasured=SAME)
    files = _files(ground, max_documents)
    if not files:
        there = bool(lake.partitions(MENTIONS))
        return replace(report, unmeasured=BEHIND if there else NO_CORPUS)
    live = Indices(
        ground.store.live(DICTIONARY).content,
        LinkerParts.live(ground.store, ground.linker, threads=ground.threads),
    )
    wanted = _compiled(candidate, ground, live, former, folder)
    mentions = foresee(lake, live, wanted, list(files))
    return replace(
        report,
        mentions=mentions,
        n_mentions=_mentions_of(lake, list(files), candidate.source.entity_class),
        n_documents=sum(files.values()),
        n_files=len(files),
        labels=_labels(lake, candidate, mentions),
    )


def _former(ground: Ground, ontology: str) -> Version | None:
    """What the indices in use know of an ontology; nothing if that is no longer known."""
    if not all(ground.store.live_version(name) for name in (DICTIONARY, LINKING)):
        return None
    names = _names(ground.lake, ontology, _generations(ground.store.live(DICTIONARY)))
    return None if names is None else Version(ground.lake.read(CONCEPTS, ontology), names)


def _why_no_former(ground: Ground) -> str:
    return NOT_KNOWN if ground.lake.partitions(MENTIONS) else NO_CORPUS


def _generations(index: Artifact) -> dict[str, str]:
    """Which names of each ontology an index was made from."""
    of_ontologies = index.inputs.items()
    return {
        name.removeprefix(OF_ONTOLOGY): generation
        for name, generation in of_ontologies
        if name.startswith(OF_ONTOLOGY)
    }


def _names(lake: Lake, ontology: str, generations: Mapping[str, str]) -> pa.Table | None:
    if ontology not in generations:
        return None
    return lake.read_generation(SYNONYMS, ontology, generations[ontology])


def _same_names(old: Version, new: Version) -> bool:
    """Whether what is compiled of two versions is the same."""
    gone, came = synonym_difference(old.synonyms, new.synonyms)
    return not gone.num_rows and not came.num_rows


def _files(ground: Ground, max_documents: int) -> dict[str, int]:
    """The newest files that can be compared, with the number of their documents."""
    behind: Collection[str] = set(files_behind(ground.lake, ground.store))
    documents = {name: each.n_rows for name, each in ground.lake.pointers(CITATIONS).items()}
    chosen: dict[str, int] = {}
    for name in reversed(ground.lake.partitions(MENTIONS)):
        if sum(chosen.values()) >= max_documents:
            break
        if name not in behind and documents.get(name):
            chosen[name] = documents[name]
    return chosen


def _compiled(
    candidate: Candidate, ground: Ground, live: Indices, former: Version, folder: Path
) -> Indices:
    """The indices in use, with the names of one ontology exchanged."""
    removed, added = synonym_difference(former.synonyms, candidate.version.synonyms)
    update_dictionary_index(live.dictionary, folder / DICTIONARY, removed=removed, added=added)
    index = ground.store.live(LINKING)
    ontologies = [name for name in index.inputs["ontologies"].split(",") if name]
    others = [name for name in ontologies if name != candidate.source.name]
    concepts = pa.concat_tables([ground.lake.read(CONCEPTS, others), candidate.version.concepts])
    build_linking_index(
        concepts,
        pa.concat_tables([*_others(ground.lake, others, index), candidate.version.synonyms]),
        folder / LINKING,
        ontologies=ontologies,
        equivalents=_equivalents(candidate, ground, concepts, ontologies),
        preferences=ground.preferences,
    )
    return Indices(folder / DICTIONARY, replace(live.linker, linking=folder / LINKING))


def _others(lake: Lake, ontologies: Sequence[str], index: Artifact) -> list[pa.Table]:
    """Names of the other ontologies as the index has them; as they are, if that is not known."""
    generations = _generations(index)

    def names(ontology: str) -> pa.Table:
        try:
            known = _names(lake, ontology, generations)
        except LakeError:
            known = None
        return lake.read(SYNONYMS, ontology) if known is None else known

    return [names(ontology) for ontology in ontologies]


def _equivalents(
    candidate: Candidate, ground: Ground, concepts: pa.Table, ontologies: Sequence[str]
) -> pa.Table:
    """Who goes by whom, as the version's cross-references would have it."""
    lake, catalogue = ground.lake, ground.catalogue
    others = [name for name in ontologies if name != candidate.source.name]
    known = set(lake.partitions(CONCEPT_MAPPINGS))
    mappings = [each.name for each in catalogue.mappings if each.name in known]
    return find_equivalents(
        concepts,
        pa.concat_tables([lake.read(CONCEPT_XREFS, others), candidate.xrefs]),
        lake.read(CONCEPT_MAPPINGS, mappings),
        preference=ontologies,
        equivalent_xrefs=catalogue.equivalent_xrefs(),
    )


def _labels(lake: Lake, candidate: Candidate, mentions: pl.DataFrame) -> dict[str, str]:
    """Labels of the concepts before and after; of one that is new, the new one."""
    wanted = pl.concat([mentions["before"], mentions["after"]]).drop_nulls().unique().implode()
    columns = ["concept_id", "label"]
    known = lake.scan(CONCEPTS, columns=columns).filter(pl.col("concept_id").is_in(wanted))
    new = pl.DataFrame(candidate.version.concepts.select(columns)).filter(
        pl.col("concept_id").is_in(wanted)
    )
    return dict(known.collect().iter_rows()) | dict(new.iter_rows())


def _mentions_of(lake: Lake, files: Sequence[str], entity_class: str) -> int:
    of_class = lake.scan(MENTIONS, files).filter(pl.col("entity_class") == entity_class)
    return int(of_class.select(pl.len()).collect().item())


def counts(report: ReleaseReport) -> dict[str, int]:
    """Mentions of the ontology's class by change.

    A mention that follows its concept to the one that replaces it counts as `followed` and not as
    relinked: the ontology itself says that it is the same.
    """
    changes = with_followers(report)
    of_class = changes.filter(pl.col("entity_class") == report.candidate.source.entity_class)
    found = dict(of_class.group_by("change").len().iter_rows())
    return {name: found.get(name, 0) for name in (LOST, RELINKED, FOLLOWED, GAINED)}


def with_followers(report: ReleaseReport) -> pl.DataFrame:
    """The mentions that change, with those that follow a replaced concept told apart."""
    concepts = pl.DataFrame(report.candidate.version.concepts)
    replaced = concepts.filter(pl.col("replaced_by").is_not_null()).select(
        before="concept_id", heir="replaced_by"
    )
    follows = (pl.col("change") == RELINKED) & (pl.col("after") == pl.col("heir"))
    return (
        report.mentions.join(replaced.unique("before"), on="before", how="left")
        .with_columns(change=pl.when(follows).then(pl.lit(FOLLOWED)).otherwise("change"))
        .drop("heir")
    )
