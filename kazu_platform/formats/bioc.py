"""BioC: documents of passages with annotations, as it is in XML and in JSON alike.

Specification: http://bioc.sourceforge.net; the JSON form is that of
https://www.ncbi.nlm.nih.gov/research/pubtator3/api. Here a document is what the JSON form has, a
dictionary; `bioc_json` and `bioc_xml` write and read it.

A passage is a section, and its infon `type` the section's name. Offsets count code points through
the document, with one between two passages. A discontinuous mention has several locations. What
BioC has no element for stands in infons: `doc_id`, and of a mention `identifier` (of its best link,
which is what other programs read), `links` (all of them, as JSON), `detector`, `confidence`,
`sentence`. Relations, and annotations that say no place, are passed over.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.pubtator import CLASSES, TYPES
from kazu_platform.formats.pubtator_blocks import NO_CONCEPT
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Json = Mapping[str, Any]
    Annotated = tuple[Document, tuple[Mention, ...]]

SOURCE = "kazu-platform"
KEY = "docs/formats.md"
"""Where infons are explained."""
DETECTOR = "bioc"
"""What mentions have as their detector, and as the method of their links, if no infon says it."""
MAX_GAP = 10_000
"""Blanks that sentences of a passage may be apart; what is further is no offset."""
_NO_CHARACTER_OF_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BETWEEN_SPANS = " ... "


def collection(annotated: Iterable[tuple[Document, Sequence[Mention]]]) -> dict[str, Any]:
    """A collection as BioC JSON has it. The date is left empty: equal input, equal output."""
    documents = [to_bioc(document, mentions) for document, mentions in annotated]
    return {"source": SOURCE, "date": "", "key": KEY, "infons": {}, "documents": documents}


def to_bioc(document: Document, mentions: Sequence[Mention]) -> dict[str, Any]:
    """A document and its mentions as BioC JSON has it.

    >>> body = to_bioc(Document("PMID:7", (Section("title", "TNF"),)), ())
    >>> body["id"], body["passages"][0]["infons"], body["passages"][0]["text"]
    ('7', {'type': 'title'}, 'TNF')
    """
    starts = [0, *accumulate(len(section.text) + 1 for section in document.sections)]
    annotations: list[list[Json]] = [[] for _ in document.sections]
    for mention in mentions:
        annotations[mention.section].append(_annotation(mention, starts[mention.section]))
    return {
        "id": _number(document.doc_id),
        "infons": {"doc_id": document.doc_id},
        "passages": [
            {
                "offset": start,
                "infons": {"type": section.name},
                "text": section.text,
                "sentences": [],
                "annotations": inside,
                "relations": [],
            }
            for section, start, inside in zip(document.sections, starts, annotations, strict=False)
        ],
        "relations": [],
    }


def from_bioc(documents: Iterable[Json], path: Path | str) -> Iterator[Annotated]:
    """Documents with their mentions, in the order of the file.

    The number of a document becomes a PMID, `PMC123` a full text. The text of a passage that has
    sentences is theirs, each at its offset. A mention without a link has no identifier.

    Args:
        documents: As BioC JSON has them.
        path: What errors call the file.

    Raises:
        MalformedFileError: names the document, and what is missing or the annotation that is no
            slice of one passage.
    """
    empty = True
    for number, body in enumerate(documents, 1):
        empty = False
        try:
            yield _document(body)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            known = body.get("id", "?") if isinstance(body, dict) else "?"
            why = f"{type(error).__name__}: {error}"
            problem = f"document {number} ({known}) is no BioC ({why})"
            raise MalformedFileError.at(path, problem) from None
    if empty:
        raise MalformedFileError.at(path, "holds no BioC document.")


def in_xml(text: str) -> str:
    """A text with U+FFFD for every character that XML cannot hold: offsets stay."""
    return _NO_CHARACTER_OF_XML.sub("\ufffd", text)


def _annotation(mention: Mention, begin: int) -> Json:
    infons = {
        "type": TYPES.get(mention.entity_class, mention.entity_class),
        "detector": mention.detector,
        "sentence": str(mention.sentence),
    }
    if mention.confidence is not None:
        infons["confidence"] = json.dumps(mention.confidence, allow_nan=False)
    if mention.links:
        infons["identifier"] = mention.link.concept_id if mention.link else NO_CONCEPT
        infons["links"] = json.dumps([_cells(link) for link in mention.links], allow_nan=False)
    locations = [
        {"offset": begin + span.start, "length": span.end - span.start} for span in mention.spans
    ]
    return {
        "id": mention.mention_id,
        "infons": infons,
        "text": mention.text,
        "locations": locations,
    }


def _cells(link: Link) -> list[str | int | float]:
    return [link.concept_id, link.ontology, link.label, link.rank, link.score, link.method]


def _number(doc_id: str) -> str:
    """What NCBI calls a document: `7` for `PMID:7`, `PMC7` for `PMC:PMC7`."""
    return doc_id.removeprefix("PMID:").removeprefix("PMC:")


def _doc_id(body: Json) -> str:
    given = _infons(body).get("doc_id")
    if given is not None:
        return given
    number = str(body["id"]).strip()
    if number.isdecimal():
        return f"PMID:{number}"
    return f"PMC:{number}" if re.fullmatch(r"PMC[0-9]+", number) else number


@dataclass(frozen=True)
class _Passage:
    """A section, and where it begins in the count of the document."""

    begin: int
    section: Section
    sentences: list[int]

    @property
    def end(self) -> int:
        return self.begin + len(self.section.text)


def _document(body: Json) -> Annotated:
    doc_id = _doc_id(body)
    passages = [_passage(each) for each in body["passages"]]
    document = Document(doc_id, tuple(passage.section for passage in passages))
    found: list[Mention] = []
    for home, annotation in _annotations(body):
        mention = _mention(doc_id, annotation, passages, home)
        if mention is not None:
            found.append(mention)
    return document, tuple(found)


def _annotations(body: Json) -> Iterator[tuple[int | None, Json]]:
    """Every annotation, with the passage that it stands in."""
    for annotation in body.get("annotations") or ():
        yield None, annotation
    for home, passage in enumerate(body["passages"]):
        for part in (passage, *(passage.get("sentences") or ())):
            for annotation in part.get("annotations") or ():
                yield home, annotation


def _passage(body: Json) -> _Passage:
    begin = _whole(body["offset"])
    text = body.get("text") or ""
    sentences: Sequence[Json] = () if text else body.get("sentences") or ()
    for sentence in sentences:
        gap = _whole(sentence["offset"]) - begin - len(text)
        if not 0 <= gap <= MAX_GAP:
            raise ValueError(f"a sentence of the passage at {begin} begins {gap} characters on")
        text += " " * gap + _string(sentence.get("text") or "")
    infons = _infons(body)
    name = infons.get("type", infons.get("section_type", "passage"))
    section = Section(name, _string(text))
    return _Passage(begin, section, [start for start, _ in sentence_spans(text)])


def _mention(
    doc_id: str, annotation: Json, passages: Sequence[_Passage], home: int | None
) -> Mention | None:
    """The mention of an annotation; null if it says no place."""
    places = sorted(
        (_whole(each["offset"]), _whole(each["length"]))
        for each in annotation.get("locations") or ()
    )
    if not places:
        return None
    index = _passage_of(places, passages, home)
    begin, text = passages[index].begin, passages[index].section.text
    spans = tuple(Span(at - begin, at - begin + length) for at, length in places)
    for one, other in pairwise(spans):
        if one.end > other.start:
            raise ValueError(f"the locations of {annotation.get('text')!r} overlap")
    stands = _checked([text[span.start : span.end] for span in spans], annotation.get("text"))
    infons = _infons(annotation)
    kind = infons.get("type", "")
    sentence = infons.get("sentence")
    begins = passages[index].sentences
    return Mention(
        doc_id=doc_id,
        section=index,
        sentence=(
            max(0, bisect_right(begins, spans[0].start) - 1)
            if sentence is None
            else _whole(sentence)
        ),
        spans=spans,
        text=stands,
        entity_class=CLASSES.get(kind.casefold(), kind),
        detector=infons.get("detector", DETECTOR),
        confidence=_confidence(infons.get("confidence")),
        links=_links(infons),
    )


def _passage_of(
    places: Sequence[tuple[int, int]], passages: Sequence[_Passage], home: int | None
) -> int:
    """The passage that an annotation lies in: the one that it stands in, else another."""
    start, end = places[0][0], max(offset + length for offset, length in places)
    for index in [*([] if home is None else [home]), *range(len(passages))]:
        if passages[index].begin <= start and end <= passages[index].end:
            return index
    raise ValueError(f"{start} to {end} is no stretch of one passage")


def _checked(slices: Sequence[str], given: object) -> str:
    """What stands there, if it is what the annotation says: blanks may differ."""
    stands = _BETWEEN_SPANS.join(slices)
    said = str(given or "").split()
    if said and said not in (stands.split(), " ".join(slices).split()):
        raise ValueError(f"{given!r} stands where the text has {stands!r}; do offsets count bytes?")
    return stands


def _links(infons: Mapping[str, str]) -> tuple[Link, ...]:
    """All links, unless somebody gave the mention another identifier since they were written."""
    concept = infons.get("identifier", NO_CONCEPT)
    links = tuple(_link(*cells) for cells in json.loads(infons.get("links", "[]")))
    first = next((link.concept_id for link in links if link.rank == 1), NO_CONCEPT)
    if links and concept in {first, in_xml(first)}:
        return links
    if concept in {"", NO_CONCEPT}:
        return ()
    prefix, colon, _ = concept.partition(":")
    return (Link(concept, prefix if colon else "", "", 1, 1.0, DETECTOR),)


def _link(*cells: Any) -> Link:  # noqa: ANN401 - checked here
    concept, ontology, label, rank, score, method = cells
    return Link(
        _string(concept),
        _string(ontology),
        _string(label),
        _whole(rank),
        _finite(score),
        _string(method),
    )


def _confidence(value: str | None) -> float | None:
    return None if value is None else _finite(value)


def _finite(value: str | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no probability")
    return number


def _infons(body: Json) -> dict[str, str]:
    """Infons as strings; JSON of others has numbers and nulls too."""
    infons: Mapping[str, Any] = body.get("infons") or {}
    return {key: str(value) for key, value in infons.items() if value is not None}


def _whole(value: object) -> int:
    number = int(value) if isinstance(value, int | str) else -1
    if number < 0 or isinstance(value, bool):
        raise ValueError(f"{value!r} is no whole number from 0 on")
    return number


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a string")
    return value
