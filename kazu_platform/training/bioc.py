"""Reading BioC, as XML or as JSON: documents of passages, with what is annotated in them.

The text of a document is that of its passages, or of their sentences, a line each. BioC counts
characters through the whole document (http://bioc.sourceforge.net). An annotation of several
stretches is its outer span.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kazu_platform.errors import MalformedFileError
from kazu_platform.evaluation.entities import (
    Entities,
    SpanGold,
    distinct_ids,
    entity_class_of,
    passages_of_texts,
)
from kazu_platform.formats.bioc_xml import documents_of_xml
from kazu_platform.ontologies.files import open_source
from kazu_platform.ontologies.json_stream import elements
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    Json = Mapping[str, Any]

_LISTS_OF_DOCUMENTS = ("documents", "PubTator3")


@dataclass
class _Document:
    """A document as it is read; `begins` says where its parts begin in the file's own count."""

    name: str
    texts: list[str] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    marks: list[tuple[int, int, str]] = field(default_factory=list)

    def places(self) -> list[int]:
        """Where each part begins in the text."""
        ends = np.cumsum([len(text) + 1 for text in self.texts])
        return [0, *ends[:-1].tolist()] if self.texts else []


def read_bioc_xml(path: Path, *, corpus: str, split: str) -> SpanGold:
    """The gold of a BioC collection in XML.

    Raises:
        MalformedFileError: it is no well-formed XML or no BioC; names the line or the document.
    """
    with open_source(path) as stream:
        return _gold(documents_of_xml(stream, path), path, corpus=corpus, split=split)


def read_bioc_json(path: Path, *, corpus: str, split: str) -> SpanGold:
    """The gold of a BioC collection in JSON, as PubTator gives it too.

    Raises:
        MalformedFileError: it is no JSON or no BioC; names the line or the document.
    """
    with open_source(path) as stream:
        documents = [
            value for key, value in elements(stream, path, within=()) if key in _LISTS_OF_DOCUMENTS
        ]
    return _gold(documents, path, corpus=corpus, split=split)


def _gold(documents: Iterable[Json], path: Path, *, corpus: str, split: str) -> SpanGold:
    read: list[_Document] = []
    for number, document in enumerate(documents, 1):
        try:
            read.append(_read(document))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            known = document.get("id", "?") if isinstance(document, dict) else "?"
            problem = f"document {number} ({known}) is no BioC: {error}."
            raise MalformedFileError.at(path, problem) from None
    if not read:
        raise MalformedFileError.at(path, "holds no BioC document.")
    borders: list[tuple[int, int]] = []
    counts: list[int] = []
    for document in read:
        before = len(borders)
        for place, text in zip(document.places(), document.texts, strict=True):
            borders += ((place + start, place + end) for start, end in sentence_spans(text))
        counts.append(len(borders) - before)
    marks = sorted({(row, *mark) for row, document in enumerate(read) for mark in document.marks})
    where = np.array([mark[:3] for mark in marks], np.int64).reshape(-1, 3)
    types = tuple(mark[3] for mark in marks)
    ends = np.array(borders, np.int64).reshape(-1, 2)
    return SpanGold(
        corpus=corpus,
        split=split,
        passages=passages_of_texts(
            distinct_ids([document.name for document in read]),
            ["\n".join(document.texts) for document in read],
            ends[:, 0],
            ends[:, 1],
            np.array(counts, np.int64),
        ),
        types=dict(Counter(types)),
        has_documents=True,
        entities=Entities(where[:, 0], where[:, 1], where[:, 2]),
        entity_types=types,
    )


def _read(raw: Json) -> _Document:
    document = _Document(str(raw["id"]))
    annotations: list[Json] = list(raw.get("annotations", ()))
    for passage in raw.get("passages", ()):
        annotations += passage.get("annotations", ())
        for part in passage.get("sentences") or [passage]:
            if part is not passage:
                annotations += part.get("annotations", ())
            document.texts.append(str(part.get("text", "")))
            document.begins.append(int(part["offset"]))
    if document.begins != sorted(document.begins):
        raise ValueError("its passages are not in the order of their offsets")
    places = document.places()
    document.marks = [_mark(annotation, document, places) for annotation in annotations]
    return document


def _mark(annotation: Json, document: _Document, places: list[int]) -> tuple[int, int, str]:
    """Start, end and type of an annotation in the text of its document."""
    locations = annotation["locations"]
    stretches = [(int(each["offset"]), int(each["length"])) for each in locations]
    start = min(offset for offset, _ in stretches)
    end = max(offset + length for offset, length in stretches)
    part = bisect_right(document.begins, start) - 1
    if part < 0 or not start < end <= document.begins[part] + len(document.texts[part]):
        raise ValueError(f"{start} to {end} is no stretch of one passage")
    first, last = start - document.begins[part], end - document.begins[part]
    stands, given = document.texts[part][first:last], annotation.get("text")
    if len(stretches) == 1 and given and stands.split() != str(given).split():
        raise ValueError(
            f"{start} to {end} is {stands!r}, not {given!r}; offsets should count characters"
        )
    kind = entity_class_of(str(annotation["infons"]["type"]))
    return places[part] + first, places[part] + last, kind
