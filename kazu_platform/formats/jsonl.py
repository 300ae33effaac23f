"""JSON lines: one document a line, nothing lost, also nested and discontinuous mentions."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

# JSON leaves them as they are, but some readers end a line there.
_LINE_ENDS = {ord(c): f"\\u{ord(c):04x}" for c in "\x85\u2028\u2029"}


def to_json_line(document: Document, mentions: Sequence[Mention]) -> str:
    """A document and its mentions as one line of JSON."""
    body = {
        "doc_id": document.doc_id,
        "sections": [asdict(section) for section in document.sections],
        "mentions": [_mention(mention) for mention in mentions],
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False).translate(_LINE_ENDS)


def from_json_line(
    line: str, *, path: str = "-", number: int = 1
) -> tuple[Document, tuple[Mention, ...]]:
    """Read back what `to_json_line` wrote.

    Raises:
        MalformedFileError: names the file, the line and what is missing, or the mention that is
            not its own slice of the text.
    """
    try:
        body = json.loads(line)
        sections = [Section(_string(s, "name"), _string(s, "text")) for s in body["sections"]]
        document = Document(_string(body, "doc_id"), tuple(sections))
        mentions = tuple(_read_mention(document, m) for m in body.get("mentions", ()))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise MalformedFileError.at(path, f"no annotated document ({why})", line=number) from None
    return document, mentions


def _mention(mention: Mention) -> dict[str, Any]:
    body = asdict(mention)
    del body["doc_id"]
    return {"mention_id": mention.mention_id, "start": mention.start, "end": mention.end} | body


def _read_mention(document: Document, body: dict[str, Any]) -> Mention:
    mention = Mention(
        doc_id=document.doc_id,
        section=body["section"],
        sentence=body["sentence"],
        spans=tuple(Span(s["start"], s["end"]) for s in body["spans"]),
        text=body["text"],
        entity_class=_string(body, "entity_class"),
        detector=_string(body, "detector"),
        confidence=body["confidence"],
        links=tuple(Link(**link) for link in body["links"]),
    )
    text = document.sections[mention.section].text
    slices = " ... ".join(text[span.start : span.end] for span in mention.spans)
    if mention.text != slices or not mention.spans:
        raise ValueError(f"{mention.text!r} stands where the text has {slices!r}")
    return mention


def _string(body: dict[str, Any], key: str) -> str:
    if not isinstance(body[key], str):
        raise TypeError(f"{key} is {body[key]!r}, should be a string")
    return body[key]
