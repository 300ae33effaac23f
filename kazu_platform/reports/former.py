"""Which version of a vocabulary a difference starts from, and what the lake is before the change.

A difference remembers, as its inputs, the generations that it compared. When others are live, it
starts from the ones that it saw last. The lake keeps them for some hours, longer than a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.citations.passages import passages
from kazu_platform.errors import OldSchemaError
from kazu_platform.reports.difference import Version
from kazu_platform.reports.effect import MAX_DOCUMENTS, Corpus, Prediction, predict
from kazu_platform.reports.strings import as_table
from kazu_platform.tables import (
    CITATIONS,
    CONCEPTS,
    LINKS,
    SENTENCES,
    SURFACES,
    SYNONYMS,
    VOCABULARY_CHANGES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from kazu_platform.storage.lake import Lake

NOTHING = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Generations of concepts and synonyms, before and now; before is empty at the first time."""

    from_concepts: str
    from_synonyms: str
    to_concepts: str
    to_synonyms: str

    def inputs(self) -> dict[str, str]:
        """The same, as a pointer records it."""
        return {name: getattr(self, name) for name in self.__slots__}


def compared(
    recorded: Mapping[str, str] | None, live_concepts: str, live_synonyms: str
) -> Compared:
    """What is to be compared, given what was.

    >>> first = compared(None, "c1", "s1")
    >>> first
    Compared(from_concepts='', from_synonyms='', to_concepts='c1', to_synonyms='s1')
    >>> compared(first.inputs(), "c1", "s1") == first
    True
    >>> compared(first.inputs(), "c2", "s1")
    Compared(from_concepts='c1', from_synonyms='s1', to_concepts='c2', to_synonyms='s1')

    Args:
        recorded: inputs of the difference that is live, if there is one.
        live_concepts: the generation of concepts that is live.
        live_synonyms: that of synonyms.
    """
    last = recorded or {}
    now = (live_concepts, live_synonyms)
    seen = (last.get("to_concepts", NOTHING), last.get("to_synonyms", NOTHING))
    before = (last.get("from_concepts", NOTHING), last.get("from_synonyms", NOTHING))
    return Compared(*(before if seen == now else seen), *now)


def read_former(lake: Lake, ontology: str, pair: Compared) -> Version | None:
    """The version that a difference starts from; nothing if there is none that can be read."""
    if not pair.from_concepts or not pair.from_synonyms:
        return None
    try:
        concepts = lake.read_generation(CONCEPTS, ontology, pair.from_concepts)
        synonyms = lake.read_generation(SYNONYMS, ontology, pair.from_synonyms)
    except OldSchemaError:
        return None
    return Version(concepts, synonyms) if concepts is not None and synonyms is not None else None


def corpus_of(
    lake: Lake, entity_class: str, others: Sequence[str], *, max_documents: int = MAX_DOCUMENTS
) -> Corpus:
    """What the lake holds of a class.

    Args:
        lake: where the rows are.
        entity_class: the class of the vocabulary that changes.
        others: the other ontologies of the class.
        max_documents: how many documents may be searched, the newest first.
    """
    surfaces = lake.scan(SURFACES).filter(pl.col("entity_class") == entity_class).collect()
    best = lake.scan(LINKS).filter(pl.col("rank") == 1)
    linked = best.join(surfaces.lazy().select("surface_id"), on="surface_id", how="semi").collect()
    return Corpus(
        others=lake.read(SYNONYMS, others),
        surfaces=as_table(SURFACES, surfaces),
        links=as_table(LINKS, linked),
        texts=newest_passages(lake),
        max_documents=max_documents,
    )


def newest_passages(lake: Lake) -> Iterator[pa.Table]:
    """The texts of each file (PASSAGES), the newest file first."""
    split = set(lake.partitions(SENTENCES))
    for file in reversed(lake.partitions(CITATIONS)):
        if file in split:
            texts = lake.read(CITATIONS, file, ["doc_id", "content_hash", "sections"])
            yield passages(texts, lake.read(SENTENCES, file))


def difference_in_lake(
    lake: Lake, ontology: str, pair: Compared, corpus: Callable[[], Corpus]
) -> Prediction:
    """The difference between two generations of an ontology.

    If the former is there no more, what was reported of the same pair stays; at the first time
    nothing is reported.
    """
    former = read_former(lake, ontology, pair)
    if former is not None:
        now = Version(lake.read(CONCEPTS, ontology), lake.read(SYNONYMS, ontology))
        return predict(former, now, corpus())
    live = lake.live(VOCABULARY_CHANGES, ontology)
    same = live is not None and pair.inputs().items() <= live.inputs.items()
    kept = same and live is not None and lake.is_whole(VOCABULARY_CHANGES, live)
    rows = lake.read(VOCABULARY_CHANGES, ontology) if kept else VOCABULARY_CHANGES.empty()
    return Prediction(rows, 0)
