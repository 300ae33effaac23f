"""Passages: sections with the borders of their sentences, which is what detectors read.

Belongs here: from citations to sentences to passages, column by column. Does not: where a
sentence ends (text).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.errors import SchemaError
from kazu_platform.tables import PASSAGES, SENTENCES, SPAN
from kazu_platform.text.sentences import sentence_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEY = ("doc_id", "content_hash", "section")


def split_into_sentences(citations: pa.Table) -> pa.Table:
    """The sentences of every section, in the order of the citations (SENTENCES).

    A text that occurs often (revisions change a title and keep the abstract) is split once. A
    citation that occurs twice with the same text has its sentences once.

    Args:
        citations: at least doc_id, content_hash, sections.
    """
    sections = _sections_of(citations)
    distinct = sections["text"].combine_chunks().dictionary_encode()
    spans = [sentence_spans(text) for text in distinct.dictionary.to_pylist()]
    counts = np.fromiter(map(len, spans), np.int64, len(spans))
    borders = np.array([border for each in spans for border in each], np.int32).reshape(-1, 2)
    text_of_section = distinct.indices.to_numpy(zero_copy_only=False)
    n_sentences = counts[text_of_section]
    number = _numbers_within(n_sentences)
    first_border = (np.cumsum(counts) - counts)[text_of_section]
    border = np.repeat(first_border, n_sentences) + number
    # Without the text: a book of a thousand sentences would be copied a thousand times.
    keys = sections.select(list(_KEY))
    rows = keys.take(pa.array(np.repeat(np.arange(len(sections)), n_sentences)))
    return SENTENCES.from_columns(
        {
            "doc_id": rows["doc_id"],
            "content_hash": rows["content_hash"],
            "section": rows["section"],
            "sentence": pa.array(number, pa.int32()),
            "start": pa.array(borders[border, 0], pa.int32()),
            "end": pa.array(borders[border, 1], pa.int32()),
        }
    )


def passages(citations: pa.Table, sentences: pa.Table) -> pa.Table:
    """Sections and the borders of their sentences, in the order of the citations (PASSAGES).

    A citation that occurs twice with the same text is one. A section without sentences has an
    empty list of borders.

    Args:
        citations: at least doc_id, content_hash, sections.
        sentences: rows of SENTENCES in any order; those of other citations are ignored.

    Raises:
        SchemaError: a section's sentences are not numbered 0, 1, 2, ...
    """
    sections = _sections_of(citations)
    keys = sections.select(list(_KEY)).append_column("row", _row_numbers(len(sections)))
    found = (
        sentences.join(keys, keys=list(_KEY), join_type="inner")
        .select(["row", "sentence", "start", "end"])
        .sort_by([("row", "ascending"), ("sentence", "ascending")])
    )
    n_sentences = np.bincount(_numpy(found["row"]), minlength=len(sections))
    if not np.array_equal(_numpy(found["sentence"]), _numbers_within(n_sentences)):
        raise SchemaError(
            "sentences: those of a section are not numbered 0, 1, 2, ...; split the texts again."
        )
    borders = pa.StructArray.from_arrays(
        [_whole(found["start"]), _whole(found["end"])], fields=list(SPAN)
    )
    offsets = pa.array(np.concatenate([[0], np.cumsum(n_sentences)]), pa.int32())
    return PASSAGES.check(
        sections.append_column(
            PASSAGES.schema.field("sentences"), pa.ListArray.from_arrays(offsets, borders)
        )
    )


def _sections_of(citations: pa.Table) -> pa.Table:
    """One row per section of distinct citations: doc_id, content_hash, section, name, text."""
    distinct = _first_of_each(citations.select(["doc_id", "content_hash", "sections"]))
    sections = _whole(distinct["sections"])
    structs = sections.flatten()
    rows = distinct.select(["doc_id", "content_hash"]).take(sections.value_parent_indices())
    n_sections = sections.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    fields = [PASSAGES.schema.field(name) for name in ("section", "name", "text")]
    columns = (
        pa.array(_numbers_within(n_sections), pa.int32()),
        structs.field("name"),
        structs.field("text"),
    )
    for field, column in zip(fields, columns, strict=True):
        rows = rows.append_column(field, column)
    return rows


def _first_of_each(citations: pa.Table) -> pa.Table:
    """The first row of each (doc_id, content_hash), in order."""
    keys = citations.select(["doc_id", "content_hash"])
    numbered = keys.append_column("row", _row_numbers(len(citations)))
    first = numbered.group_by(["doc_id", "content_hash"]).aggregate([("row", "min")])["row_min"]
    if len(first) == len(citations):
        return citations
    return citations.take(pa.array(np.sort(_numpy(first))))


def _numbers_within(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... within each group: counts 2 and 3 give 0 1 0 1 2."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _row_numbers(n_rows: int) -> pa.Array:
    return pa.array(np.arange(n_rows, dtype=np.int64))


def _numpy(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return column.to_numpy().astype(np.int64)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
