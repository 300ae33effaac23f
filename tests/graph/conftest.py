"""A corpus in miniature: citations as marked-up sentences, and the tables that come of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.documents import Span, content_hash, mention_id
from kazu_platform.tables import (
    CITATIONS,
    CURRENT_CITATIONS,
    LINKS,
    MENTIONS,
    SENTENCES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

MARK = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
CLASSES = {"HGNC": "gene", "MONDO": "disease", "CHEBI": "chemical"}


@dataclass(frozen=True)
class Marked:
    """A citation whose sentences name concepts as `[text|CURIE]`.

    `further` are mentions that brackets cannot say: (sentence, spans within it, CURIE, class).
    """

    pmid: int
    sentences: Sequence[str]
    year: int | None = 2020
    retracted: bool = False
    further: Sequence[tuple[int, Sequence[tuple[int, int]], str | None, str]] = ()


@dataclass
class Corpus:
    """The tables of one file, as `count_pairs` takes them."""

    file: str
    citations: list[dict[str, Any]] = field(default_factory=list)
    sentences: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[dict[str, Any]] = field(default_factory=list)
    current: list[dict[str, Any]] = field(default_factory=list)
    concepts: set[str] = field(default_factory=set)

    def add(self, citation: Marked, *, current: bool = True) -> None:
        """Append a citation, its sentences and its mentions."""
        text, spans, found = "", list[tuple[int, int]](), list[tuple[int, list[Span], Any, str]]()
        for number, marked in enumerate(citation.sentences):
            begin = len(text)
            at = 0
            for mark in MARK.finditer(marked):
                text += marked[at : mark.start()]
                start = len(text)
                text += mark[1]
                cls = CLASSES[mark[2].split(":")[0]]
                found.append((number, [Span(start, len(text))], mark[2], cls))
                at = mark.end()
            text += marked[at:]
            spans.append((begin, len(text)))
            text += " "
        for number, places, concept, cls in citation.further:
            begin = spans[number][0]
            moved = [Span(begin + start, begin + end) for start, end in places]
            found.append((number, moved, concept, cls))
        sections = [("title", ""), ("abstract", text.rstrip())]
        row: dict[str, Any] = {
            "doc_id": f"PMID:{citation.pmid}",
            "content_hash": content_hash(sections),
        }
        position = {"file": self.file, "position": len(self.citations)}
        self.citations.append(
            row
            | position
            | {
                "pmid": citation.pmid,
                "version": 1,
                "title": "",
                "sections": [{"name": name, "text": part} for name, part in sections],
                "other_abstracts": [],
                "pub_year": citation.year,
                "language": ["eng"],
                "publication_types": [],
                "mesh": [],
                "retracted": citation.retracted,
            }
        )
        self.sentences += [
            row | {"section": 1, "sentence": number, "start": start, "end": end}
            for number, (start, end) in enumerate(spans)
        ]
        for number, places, concept, cls in found:
            if concept is not None:
                self.concepts.add(concept)
            self.mentions.append(
                row
                | {
                    "mention_id": mention_id(row["doc_id"], 1, places, cls),
                    "section": 1,
                    "sentence": number,
                    "start": places[0].start,
                    "end": places[-1].end,
                    "spans": [{"start": span.start, "end": span.end} for span in places],
                    "text": " ... ".join(text[span.start : span.end] for span in places),
                    "entity_class": cls,
                    "detector": "dictionary",
                    "detector_version": "1",
                    "surface_id": f"surface of {concept}",
                    "context": "",
                }
            )
        if current:
            self.current.append(
                row | position | {"pmid": citation.pmid, "version": 1, "deleted": False}
            )

    def links(self) -> pa.Table:
        """Each surface with its concept first and a second guess that must not count."""
        return LINKS.from_rows(
            [
                {
                    "surface_id": f"surface of {concept}",
                    "concept_id": linked,
                    "ontology": linked.split(":")[0],
                    "rank": rank,
                    "score": 1.0 / rank,
                    "method": "exact",
                    "ambiguous": False,
                    "vocabulary_version": "1",
                    "linker_version": "1",
                }
                for concept in sorted(self.concepts)
                for rank, linked in ((1, concept), (2, "MONDO:9999999"))
            ]
        )

    def tables(self) -> dict[str, pa.Table]:
        """Arguments of `count_pairs`, without the file."""
        return {
            "mentions": MENTIONS.from_rows(self.mentions),
            "links": self.links(),
            "citations": CITATIONS.from_rows(self.citations),
            "sentences": SENTENCES.from_rows(self.sentences),
            "current": CURRENT_CITATIONS.from_rows(self.current),
        }


def _corpus(*citations: Marked, file: str = "pubmed26n0001") -> Corpus:
    made = Corpus(file)
    for citation in citations:
        made.add(citation)
    return made


@pytest.fixture(scope="session")
def marked() -> Callable[..., Marked]:
    """Make a marked-up citation."""
    return Marked


@pytest.fixture(scope="session")
def corpus() -> Callable[..., Corpus]:
    """Make a corpus of marked-up citations."""
    return _corpus


@pytest.fixture(scope="session")
def rows_of() -> Callable[[pa.Table], Mapping[tuple[str, str], dict[str, Any]]]:
    """Rows of pair counts by their pair."""
    return lambda table: {(row["subject"], row["object"]): row for row in table.to_pylist()}
