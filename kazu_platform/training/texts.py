"""Texts without labels, as the passages that detectors and language models read."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from kazu_platform.citations.passages import passages, split_into_sentences
from kazu_platform.citations.rows import sections_array
from kazu_platform.documents import content_hash
from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.files import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Text = tuple[str, list[tuple[str, str]]]

TITLE, BODY = "title", "text"
_AT_ONCE: Final = 5_000


def read_texts(path: Path, form: str) -> Iterator[pa.Table]:
    """The documents of a file, plain or gzipped, some thousands at a time (PASSAGES).

    A document goes by its PMID (`PMID:123`), else by its `id`, else by file and line.

    Args:
        path: The file.
        form: jsonl (objects with `text` and maybe `title`, `pmid`, `id`), or lines (a text a line).

    Raises:
        SourceError: it cannot be opened.
        MalformedFileError: names the line that is none.
    """
    with open_source(path) as stream:
        documents = _documents(stream, path, form)
        while batch := list(islice(documents, _AT_ONCE)):
            sections = [each for _, each in batch]
            table = pa.table(
                {
                    "doc_id": [name for name, _ in batch],
                    "content_hash": [content_hash(each) for each in sections],
                    "sections": sections_array(sections),
                }
            )
            yield passages(table, split_into_sentences(table))


def _documents(lines: Iterator[bytes], path: Path, form: str) -> Iterator[Text]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8-sig").strip()
            body: dict[str, Any] = json.loads(text) if form == "jsonl" else {BODY: text}
            sections = [(name, str(body[name])) for name in (TITLE, BODY) if body.get(name)]
        except (ValueError, RecursionError, LookupError, AttributeError, TypeError) as error:
            problem = f"no text ({error}); each line should be one."
            raise MalformedFileError.at(path, problem, line=number) from None
        pmid, own = body.get("pmid"), body.get("id")
        name = f"PMID:{pmid}" if pmid else str(own) if own else f"{path.name}:{number}"
        if sections:
            yield name, sections
