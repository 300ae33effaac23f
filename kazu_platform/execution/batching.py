"""Micro-batches: passages cut on the borders of documents into pieces of about equal text.

A batch is counted in characters, not in documents, because the time and the memory of every
detector follow the text: a batch of abstracts and a batch of full texts then cost the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pyarrow as pa


def micro_batches(passages: pa.Table, *, max_characters: int = 200_000) -> Iterator[pa.Table]:
    """Cut passages into batches of at most that many characters, without copying text.

    Every passage is in exactly one batch, in order. A document is never divided; one that is
    longer than the limit makes a batch alone.

    Args:
        passages: rows of PASSAGES; the passages of a document stand together.
        max_characters: text in a batch, in code points.

    Yields:
        Slices of `passages`, none of them empty.

    Raises:
        ValueError: the limit is below 1.

    >>> import pyarrow as pa
    >>> passages = pa.table(
    ...     {
    ...         "doc_id": ["PMID:1", "PMID:1", "PMID:2", "PMID:3"],
    ...         "content_hash": ["a", "a", "b", "c"],
    ...         "text": ["Aspirin.", "It inhibits COX-1.", "BRCA1 in breast cancer.", "TP53."],
    ...     }
    ... )
    >>> [batch["doc_id"].to_pylist() for batch in micro_batches(passages, max_characters=30)]
    [['PMID:1', 'PMID:1'], ['PMID:2', 'PMID:3']]
    """
    if max_characters < 1:
        raise ValueError(f"max_characters must be 1 or more, not {max_characters}")
    borders = document_borders(passages)
    lengths = pc.call_function("utf8_length", [passages["text"]]).to_numpy().astype(np.int64)
    # text_before[i] is the text of all documents before document i; one more for the end.
    text_before = np.concatenate([[0], np.cumsum(lengths)])[borders]
    first, n_documents = 0, len(borders) - 1
    while first < n_documents:
        limit = text_before[first] + max_characters
        fitting = int(np.searchsorted(text_before, limit, side="right")) - 1
        last = min(max(fitting, first + 1), n_documents)
        yield passages.slice(borders[first], borders[last] - borders[first])
        first = last


def document_borders(passages: pa.Table) -> npt.NDArray[np.int64]:
    """Row at which each document starts, and the number of rows last.

    A document is a run of rows with equal doc_id and content_hash: two versions of a citation
    are two documents.

    >>> import pyarrow as pa
    >>> document_borders(
    ...     pa.table({"doc_id": ["PMID:1", "PMID:1", "PMID:1"], "content_hash": ["a", "a", "b"]})
    ... ).tolist()
    [0, 2, 3]
    """
    n_rows = passages.num_rows
    if n_rows == 0:
        return np.zeros(1, dtype=np.int64)
    changed = np.zeros(n_rows - 1, dtype=bool)
    for name in ("doc_id", "content_hash"):
        column = passages[name]
        neighbours = [column.slice(1), column.slice(0, n_rows - 1)]
        changed |= pc.call_function("not_equal", neighbours).to_numpy()
    return np.concatenate([[0], np.flatnonzero(changed) + 1, [n_rows]]).astype(np.int64)
