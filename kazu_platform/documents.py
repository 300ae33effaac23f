"""The nouns of a text: documents, sections, spans, mentions, links.

Tables hold the corpus; these dataclasses hold one document at a time, for a notebook, the
command line or a test. Offsets are Unicode code points into the section's text as stored:
`text[start:end]` is the mention, always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Self


EntityClass = Literal[
    "gene",
    "disease",
    "chemical",
    "species",
    "cell_line",
    "cell_type",
    "anatomy",
    "phenotype",
    "process",
]
"""What a mention can be; the last three are found by dictionary alone."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a section, end exclusive."""

    start: int
    end: int

    def __post_init__(self) -> None:
        """Refuse what is no stretch of text."""
        if not 0 <= self.start < self.end:
            msg = f"a span needs 0 <= start < end, got {self.start} and {self.end}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Section:
    """A named part of a document: its title, an abstract's METHODS, a paragraph."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A text to read. `doc_id` is `PMID:123`, `PMC:PMC123456` or a name of your own."""

    doc_id: str
    sections: tuple[Section, ...]

    @property
    def content_hash(self) -> str:
        """Hash of the text that detectors see: equal text, equal hash."""
        return content_hash([(section.name, section.text) for section in self.sections])


@dataclass(frozen=True, slots=True)
class Link:
    """A candidate concept of a mention. `score` is between 0 and 1; rank 1 is what is meant."""

    concept_id: str
    ontology: str
    label: str
    rank: int
    score: float
    method: str


@dataclass(frozen=True, slots=True)
class Mention:
    """What a detector found: one or more spans of one section, and a class.

    Several spans are a non-contiguous mention ("breast ... carcinoma"); spans of different
    mentions may nest and overlap.
    """

    doc_id: str
    section: int
    sentence: int
    spans: tuple[Span, ...]
    text: str
    entity_class: str
    detector: str
    confidence: float | None = None
    links: tuple[Link, ...] = field(default=())

    @classmethod
    def from_row(cls, row: Mapping[str, Any], links: Sequence[Link] = ()) -> Self:
        """The mention of a row of a table of mentions, with the links of its surface."""
        return cls(
            doc_id=row["doc_id"],
            section=row["section"],
            sentence=row["sentence"],
            spans=tuple(Span(span["start"], span["end"]) for span in row["spans"]),
            text=row["text"],
            entity_class=row["entity_class"],
            detector=row["detector"],
            confidence=row["confidence"],
            links=tuple(links),
        )

    @property
    def link(self) -> Link | None:
        """What it means: the link of rank 1. Without one the others are only what it may mean."""
        return next((link for link in self.links if link.rank == 1), None)

    @property
    def start(self) -> int:
        """First character."""
        return self.spans[0].start

    @property
    def end(self) -> int:
        """One past the last character."""
        return self.spans[-1].end

    @property
    def mention_id(self) -> str:
        """The same in every run; see `mention_id`."""
        return mention_id(self.doc_id, self.section, self.spans, self.entity_class)


def mention_id(doc_id: str, section: int, spans: Sequence[Span], entity_class: str) -> str:
    """Name a mention by what it is, so that every run gives it the same name.

    Versions are left out on purpose: a curator's verdict outlives the model it judged.

    >>> mention_id("PMID:7", 0, [Span(4, 9)], "gene")
    'e90c3c01e172202afef55463'
    """
    where = ",".join(f"{span.start}-{span.end}" for span in spans)
    return digest(doc_id, str(section), where, entity_class)


def surface_id(text: str, entity_class: str, context: str) -> str:
    """Name a distinct thing to link; equal strings of a class in equal context share it.

    >>> surface_id("TNF-α", "gene", "")
    '3d63d7258ec7058ab7748bd4'
    """
    return digest(text, entity_class, context)


def content_hash(sections: Sequence[tuple[str, str]]) -> str:
    """Hash section names and texts, in order.

    >>> content_hash([("title", "A")]) == content_hash([("title", "A")])
    True
    >>> content_hash([("title", "AB")]) == content_hash([("titleA", "B")])
    False
    """
    return digest(*(part for section in sections for part in section))


def digest(*parts: str) -> str:
    """Hash strings with their borders kept: 24 hexadecimal digits (96 bits)."""
    key = "\x1f".join(parts)
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
