"""Annotated documents as rows of a table of mentions, and back.

Links stay behind: they belong to surfaces (`links`), not to mentions.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from kazu_platform.documents import Document, Mention
from kazu_platform.errors import SchemaError
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    Annotated = tuple[Document, Sequence[Mention]]


def to_rows(annotated: Iterable[Annotated], *, detector_version: str) -> pa.Table:
    """Rows of DICTIONARY_MENTIONS, in the order of the documents and of their mentions.

    Args:
        annotated: Documents with their mentions.
        detector_version: Version of the detectors that found them, which a mention does not know.
    """
    return DICTIONARY_MENTIONS.from_rows(
        [
            _row(mention)
            | {"content_hash": document.content_hash, "detector_version": detector_version}
            for document, mentions in annotated
            for mention in mentions
        ]
    )


def from_rows(
    documents: Iterable[Document], mentions: pa.Table
) -> list[tuple[Document, tuple[Mention, ...]]]:
    """Documents with their mentions, which have no links; a document without any is there too.

    Args:
        documents: With the texts that were read.
        mentions: DICTIONARY_MENTIONS, MENTIONS, or any table with the columns of the former.

    Raises:
        SchemaError: a mention is in none of the documents, or in one of another text.
    """
    found: dict[tuple[str, str], list[Mention]] = defaultdict(list)
    for row in mentions.to_pylist():
        found[row["doc_id"], row["content_hash"]].append(Mention.from_row(row))
    annotated = [
        (document, tuple(found.pop((document.doc_id, document.content_hash), ())))
        for document in documents
    ]
    for doc_id, content_hash in found:
        raise SchemaError(
            f"mentions of {doc_id} with the text {content_hash}: it is none of the documents; give "
            "the ones that were read, each once."
        )
    return annotated


def _row(mention: Mention) -> dict[str, Any]:
    return {
        "mention_id": mention.mention_id,
        "doc_id": mention.doc_id,
        "section": mention.section,
        "sentence": mention.sentence,
        "start": mention.start,
        "end": mention.end,
        "spans": [{"start": span.start, "end": span.end} for span in mention.spans],
        "text": mention.text,
        "entity_class": mention.entity_class,
        "confidence": mention.confidence,
        "detector": mention.detector,
    }
