"""What is handed to compute: a step, and what comes back from it.

A step knows neither Ray nor processes. It is described by small picklable values (a folder, a
threshold), so that it can travel to a worker, and opens its models there, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from kazu_platform.tables import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DETAIL = 2_000


class Step(Protocol):
    """Work that can be described here and done elsewhere; it pickles."""

    @property
    def name(self) -> str:
        """What is being done, as quarantine names it: `dictionary`, `model`."""
        ...

    @property
    def version(self) -> str:
        """Of data and rules; rows of another version are made again."""
        ...

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Load models and indices, once in each worker.

        Returns:
            A function from a batch of passages to rows of one schema. It keeps nothing from one
            batch to the next, so a batch may be done again or in parts; no passages make no rows.
        """
        ...


@dataclass(frozen=True)
class Outcome:
    """What became of one batch: each of its documents is in `rows` or in `set_aside`.

    Attributes:
        rows: what the step made, in the order of the passages.
        set_aside: rows of QUARANTINE, one for each document that could not be processed.
        peak_memory_bytes: the most that its worker had in RAM meanwhile; 0: it did not say.
    """

    rows: pa.Table
    set_aside: pa.Table
    peak_memory_bytes: int = 0


def set_aside(  # noqa: PLR0913 - one argument for each thing that is known of a failure
    document: pa.Table, *, stage: str, reason: str, detail: str, attempts: int, file: str
) -> pa.Table:
    """Make the quarantine row of a document.

    Args:
        document: its passages.
        stage: what was being done.
        reason: crash, out_of_memory, timeout, error, too_long or malformed.
        detail: the error in words; a long one is cut.
        attempts: how often it was tried.
        file: partition it came from.

    Returns:
        One row of QUARANTINE.

    >>> import pyarrow as pa
    >>> document = pa.table({"doc_id": ["PMID:7"], "content_hash": ["a"]})
    >>> row = set_aside(
    ...     document,
    ...     stage="model",
    ...     reason="timeout",
    ...     detail="no answer in 60 s",
    ...     attempts=2,
    ...     file="pubmed26n0001",
    ... )
    >>> row.select(["doc_id", "stage", "reason", "attempts"]).to_pylist()
    [{'doc_id': 'PMID:7', 'stage': 'model', 'reason': 'timeout', 'attempts': 2}]
    """
    return QUARANTINE.from_columns(
        {
            "doc_id": document["doc_id"].slice(0, 1),
            "stage": [stage],
            "reason": [reason],
            "detail": [detail[:MAX_DETAIL]],
            "attempts": [attempts],
            "content_hash": document["content_hash"].slice(0, 1),
            "file": [file],
            "position": pa.nulls(1, pa.int32()),
            "at": [datetime.now(tz=UTC)],
        }
    )
