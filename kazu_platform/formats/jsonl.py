"""JSON lines: one document a line, nothing lost, also nested and discontinuous mentions."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

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


def write_jsonl(path: Path, annotated: Iterable[tuple[Document, Sequence[Mention]]]) -> None:
    """Write documents and their mentions to a file, a line each."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(to_json_line(*each) + "\n" for each in annotated)


def read_jsonl(path: Path) -> Iterator[tuple[Document, tuple[Mention, ...]]]:
    """Read documents and their mentions from a file, one at a time; blank lines are passed over.

    Raises:
        MalformedFileError: names the file and the line that is no annotated document, or no UTF-8.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                problem = f"byte {line[error.start]:#04x} is no UTF-8; give plain text, unpacked."
                raise MalformedFileError.at(path, problem, line=number) from None
            if text.strip():
                yield from_json_line(text, path=str(path), number=number)


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
        section=_count(body, "section"),
        sentence=_count(body, "sentence"),
        spans=tuple(Span(_count(s, "start"), _count(s, "end")) for s in body["spans"]),
        text=body["text"],
        entity_class=_string(body, "entity_class"),
        detector=_string(body, "detector"),
        confidence=_number_or_null(body, "confidence"),
        links=tuple(Link(**link) for link in body["links"]),
    )
    text = document.sections[mention.section].text
    slices = " ... ".join(text[span.start : span.end] for span in mention.spans)
    if mention.text != slices or not mention.spans:
        raise ValueError(f"{mention.text!r} stands where the text has {slices!r}")
    for one, other in pairwise(mention.spans):
        if one.end > other.start:
            raise ValueError(f"the spans of {mention.text!r} are not in order, or overlap")
    return mention


def _count(body: dict[str, Any], key: str) -> int:
    value = body[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{key} is {value!r}, should be a whole number from 0 on")
    return value


def _number_or_null(body: dict[str, Any], key: str) -> float | None:
    value = body[key]
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"{key} is {value!r}, should be a number or null")
    return value


def _string(body: dict[str, Any], key: str) -> str:
    if not isinstance(body[key], str):
        raise TypeError(f"{key} is {body[key]!r}, should be a string")
    return body[key]
