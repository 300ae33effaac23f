"""Making rows of the mention tables from arrays of spans, whole columns at a time.

Hashing a mention costs a microsecond in Python and making its row as a dictionary ten, so this
is where a detector's speed is won or lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute, runs
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DIGEST_BYTES = 12
_HEX_DIGITS = 2 * _DIGEST_BYTES
_SEPARATOR = "\x1f"
PASSAGE_KEY = ("doc_id", "content_hash", "section")


@dataclass(frozen=True, slots=True)
class Spans:
    """Contiguous mentions of some passages: parallel arrays.

    `passage` is the row of the passage, `start` and `end` count code points within its text,
    `entity_class` is an index into the names of the classes.
    """

    passage: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    entity_class: NDArray[np.int64]


def mention_rows(  # noqa: PLR0913 - the columns of a mention
    passages: pa.Table,
    spans: Spans,
    texts: Sequence[str],
    classes: Sequence[str],
    *,
    detector: str,
    version: str,
    confidence: NDArray[np.float32] | None = None,
) -> pa.Table:
    """Make rows of DICTIONARY_MENTIONS.

    Args:
        passages: PASSAGES, in one chunk or several.
        spans: Where the mentions are.
        texts: What stands there, for each span.
        classes: Names of the classes.
        detector: Its name.
        version: Its version.
        confidence: Probability of each; null for all if there is none.
    """
    rows = len(spans.passage)
    which = pa.array(spans.passage)
    doc_id = compute.take(passages["doc_id"], which)
    section = compute.take(passages["section"], which)
    entity_class = compute.take(pa.array(classes, pa.string()), pa.array(spans.entity_class))
    start = pa.array(spans.start.astype(np.int32))
    end = pa.array(spans.end.astype(np.int32))
    return DICTIONARY_MENTIONS.check(
        pa.table(
            {
                "mention_id": mention_ids(doc_id, section, start, end, entity_class),
                "doc_id": doc_id,
                "content_hash": compute.take(passages["content_hash"], which),
                "section": section,
                "sentence": pa.array(sentence_of(passages, spans)),
                "start": start,
                "end": end,
                "spans": pa.ListArray.from_arrays(
                    pa.array(np.arange(rows + 1, dtype=np.int32)),
                    pa.StructArray.from_arrays([start, end], ["start", "end"]),
                ),
                "text": pa.array(texts, pa.string()),
                "entity_class": entity_class,
                "confidence": pa.nulls(rows, pa.float32())
                if confidence is None
                else pa.array(confidence),
                "detector": pa.repeat(detector, rows),
                "detector_version": pa.repeat(version, rows),
            }
        )
    )


def in_text_order(mentions: pa.Table, passages: pa.Table) -> pa.Table:
    """Sort mentions by passage, start, end and class: one order, however they were found.

    Args:
        mentions: rows with the columns of DICTIONARY_MENTIONS, and maybe others.
        passages: PASSAGES of their documents, in their order.
    """
    import polars as pl

    order = (
        pl.DataFrame(mentions.select(["start", "end", "entity_class", "detector"]))
        .with_columns(passage=pl.Series(places_among(mentions, passages, PASSAGE_KEY)))
        .select(
            pl.arg_sort_by(
                "passage", "start", "end", "entity_class", "detector", maintain_order=True
            )
        )
        .to_series()
    )
    return mentions.take(order.to_arrow())


def places_among(mentions: pa.Table, passages: pa.Table, key: Sequence[str]) -> NDArray[np.uint32]:
    """Where the passage, or the document, of each mention first stands among the passages.

    Args:
        mentions: rows with the columns of the key; neighbours of one key are looked up as one.
        passages: PASSAGES that hold every key.
        key: PASSAGE_KEY, or the columns of a document.
    """
    import polars as pl

    run = runs(mentions, key)
    first = np.flatnonzero(np.diff(run, prepend=-1))
    pieces = pl.DataFrame(mentions.select(list(key)).take(pa.array(first)))
    places = pl.DataFrame(passages.select(list(key))).with_row_index("place")
    found = pieces.join(
        places.unique(key, keep="first"), on=list(key), how="left", maintain_order="left"
    )
    return found["place"].to_numpy()[run]


def mention_ids(
    doc_id: pa.ChunkedArray | pa.Array,
    section: pa.ChunkedArray | pa.Array,
    start: pa.Array,
    end: pa.Array,
    entity_class: pa.Array,
) -> pa.Array:
    """Hash contiguous mentions, as `documents.mention_id` does for one.

    >>> mention_ids(*(pa.array([value]) for value in ("PMID:7", 0, 4, 9, "gene"))).to_pylist()
    ['e90c3c01e172202afef55463']
    """
    where = compute.binary_join_element_wise(start.cast(pa.string()), end.cast(pa.string()), "-")
    keys = compute.binary_join_element_wise(
        doc_id, section.cast(pa.string()), where, entity_class, _SEPARATOR
    )
    digests = [
        blake2b(key, digest_size=_DIGEST_BYTES).digest()
        for key in keys.cast(pa.binary()).to_pylist()
    ]
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * _HEX_DIGITS
    return pa.StringArray.from_buffers(
        len(digests), pa.py_buffer(offsets), pa.py_buffer(b"".join(digests).hex().encode("ascii"))
    )


def sentence_of(passages: pa.Table, spans: Spans) -> NDArray[np.int32]:
    """Find the sentence in which each mention starts.

    What starts before the first sentence counts as in the first, what starts between two as in
    the one before. Shape: one index for each span, counted within its passage.
    """
    sentences = passages["sentences"].combine_chunks()
    counts = compute.list_value_length(sentences).to_numpy(zero_copy_only=False)
    first = np.concatenate(([0], np.cumsum(counts)))
    starts = compute.struct_field(compute.list_flatten(sentences), "start").to_numpy(
        zero_copy_only=False
    )
    # Passages follow each other on one axis, so that a single search serves all of them.
    lengths = compute.utf8_length(passages["text"]).to_numpy().astype(np.int64)
    axis = np.concatenate(([0], np.cumsum(lengths + 1)))
    borders = starts + np.repeat(axis[:-1], counts)
    found = np.searchsorted(borders, axis[spans.passage] + spans.start, side="right") - 1
    return np.maximum(found - first[spans.passage], 0).astype(np.int32)
