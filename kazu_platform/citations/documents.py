"""Own texts as passages, and back."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from kazu_platform.documents import Document, Section
from kazu_platform.errors import SchemaError
from kazu_platform.tables import PASSAGES
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


def passages_of(documents: Sequence[Document]) -> pa.Table:
    """The sections of documents with the borders of their sentences (PASSAGES).

    Empty sections stay, so that indices of sections mean the same everywhere. A document given
    twice is there once; one without sections has no passages.

    >>> document = Document("mine", (Section("title", "EGFR in glioma"), Section("abstract", "")))
    >>> passages_of([document])["sentences"].to_pylist()
    [[{'start': 0, 'end': 14}], []]
    """
    distinct = {(d.doc_id, d.content_hash): d for d in documents}
    rows = [
        (doc_id, content_hash, index, section)
        for (doc_id, content_hash), document in distinct.items()
        for index, section in enumerate(document.sections)
    ]
    return PASSAGES.from_columns(
        {
            "doc_id": [doc_id for doc_id, _, _, _ in rows],
            "content_hash": [content_hash for _, content_hash, _, _ in rows],
            "section": [index for _, _, index, _ in rows],
            "name": [section.name for _, _, _, section in rows],
            "text": [section.text for _, _, _, section in rows],
            "sentences": [
                [{"start": start, "end": end} for start, end in sentence_spans(section.text)]
                for _, _, _, section in rows
            ],
        }
    )


def documents_of(passages: pa.Table) -> list[Document]:
    """The documents that passages were made of, in the order of their first passages.

    Raises:
        SchemaError: a document lacks a section or has one twice, or its text is not the one that
            was hashed.
    """
    rows = passages.select(["doc_id", "content_hash", "section", "name", "text"]).to_pylist()
    seen = {(row["doc_id"], row["content_hash"]): None for row in rows}
    place = {key: number for number, key in enumerate(seen)}
    rows.sort(key=lambda row: (place[row["doc_id"], row["content_hash"]], row["section"]))
    return [
        _document(doc_id, content_hash, list(parts))
        for (doc_id, content_hash), parts in groupby(
            rows, key=lambda row: (row["doc_id"], row["content_hash"])
        )
    ]


def _document(doc_id: str, content_hash: str, rows: list[dict[str, object]]) -> Document:
    if [row["section"] for row in rows] != list(range(len(rows))):
        raise SchemaError(f"passages of {doc_id}: sections are missing, or there are two of one.")
    document = Document(doc_id, tuple(Section(str(row["name"]), str(row["text"])) for row in rows))
    if document.content_hash != content_hash:
        raise SchemaError(f"passages of {doc_id}: its text is not the one of {content_hash}.")
    return document
