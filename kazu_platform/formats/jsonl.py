"""JSON lines: one document a line, nothing lost, also nested and discontinuous mentions."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Sequence


def to_json_line(document: Document, mentions: Sequence[Mention]) -> str:
    """A document and its mentions as one line of JSON."""
    body = {
        "doc_id": document.doc_id,
        "sections": [asdict(section) for section in document.sections],
        "mentions": [_mention(mention) for mention in mentions],
    }
    return json.dumps(body, ensure_ascii=False)


def from_json_line(
    line: str, *, path: str = "-", number: int = 1
) -> tuple[Document, tuple[Mention, ...]]:
    """Read back what `to_json_line` wrote.

    Raises:
        MalformedFileError: names the file, the line and what is missing.
    """
    try:
        body = json.loads(line)
        document = Document(
            body["doc_id"], tuple(Section(s["name"], s["text"]) for s in body["sections"])
        )
        mentions = tuple(_read_mention(document.doc_id, m) for m in body.get("mentions", ()))
    except (ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise MalformedFileError.at(path, f"no annotated document ({why})", line=number) from None
    return document, mentions


def _mention(mention: Mention) -> dict[str, Any]:
    body = asdict(mention)
    del body["doc_id"]
    return {"mention_id": mention.mention_id, "start": mention.start, "end": mention.end} | body


def _read_mention(doc_id: str, body: dict[str, Any]) -> Mention:
    return Mention(
        doc_id=doc_id,
        section=body["section"],
        sentence=body["sentence"],
        spans=tuple(Span(s["start"], s["end"]) for s in body["spans"]),
        text=body["text"],
        entity_class=body["entity_class"],
        detector=body["detector"],
        confidence=body["confidence"],
        links=tuple(Link(**link) for link in body["links"]),
    )
