"""The books of one partition: which part is to be done, which is suspect, what may be given out.

A part whose worker died, hung or ran out of memory is the suspect. It is cut on the borders of its
documents, the pieces come next, and so on until a single document is left; if that one takes a
worker with it a second time it is set aside with its reason. Every other document is done exactly
once. Cut into PIECES, up to so many documents are told apart at once: a poison among them costs
three workers, among as many times as many four; halving would cost log2(n) + 2, and starting a
worker takes longer than giving it a few hundred documents one by one.

Outcomes are given out in the order of the batches, however they come in. No more batches are read
than `Limits.open_batches` ahead of the oldest that is not done.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.errors import ComputeError
from kazu_platform.execution.batching import document_borders
from kazu_platform.execution.steps import Outcome, set_aside
from kazu_platform.tables import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kazu_platform.execution.kept import Kept
    from kazu_platform.limits import Limits

STRIKES = 2
PIECES = 256


@dataclass
class Account:
    """What a run did, to be looked at while it goes and when it is over.

    `mode` is where it did so, which need not be where it was meant to; empty before it began.
    """

    mode: str = ""
    batches: int = 0
    documents: int = 0
    documents_reused: int = 0
    set_aside: int = 0
    workers_started: int = 0
    deaths: int = 0
    timeouts: int = 0
    peak_memory_bytes: int = 0


@dataclass(eq=False)
class Part:
    """Some documents of a batch, the batch to begin with."""

    passages: pa.Table
    strikes: int = 0
    rows: pa.Table | None = None
    set_aside: pa.Table | None = None
    pieces: list[Part] = field(default_factory=list["Part"])

    @property
    def n_documents(self) -> int:
        """Documents in it."""
        return len(document_borders(self.passages)) - 1

    @property
    def n_characters(self) -> int:
        """Its text in code points."""
        return int(compute.sum(compute.utf8_length(self.passages["text"])).as_py() or 0)

    def leaves(self) -> Iterator[Part]:
        """The parts it was divided into, in order."""
        waiting: list[Part] = [self]
        while waiting:
            part = waiting.pop()
            if part.pieces:
                waiting += reversed(part.pieces)
            else:
                yield part

    def cut(self) -> list[Part]:
        """Divide it into PIECES of about equally many documents."""
        borders = document_borders(self.passages)
        at = np.linspace(0, len(borders) - 1, min(PIECES, len(borders) - 1) + 1).astype(np.int64)
        self.pieces = [
            Part(self.passages.slice(first, last - first))
            for first, last in pairwise(borders[at].tolist())
        ]
        return self.pieces


@dataclass(eq=False)
class _Batch:
    whole: Part
    key: str
    n_documents: int
    n_open: int = 1
    on_disk: bool = False


class Ledger:
    """The books of a run over one partition.

    Args:
        batches: micro-batches in order; read as there is room.
        stage: name of the step.
        file: the partition.
        limits: what the run may cost.
        kept: finished micro-batches of an earlier run, if they are kept.
    """

    def __init__(
        self,
        batches: Iterator[pa.Table],
        *,
        stage: str,
        file: str,
        limits: Limits,
        kept: Kept | None = None,
    ) -> None:
        self.account = Account()
        self._batches, self._stage, self._file = batches, stage, file
        self._limits, self._kept = limits, kept
        self._open: deque[_Batch] = deque()
        self._suspects: deque[Part] = deque()
        self._batch_of: dict[int, _Batch] = {}
        self._no_rows: pa.Table | None = None
        self._deaths_in_a_row = 0
        self._exhausted = False

    def next(self) -> Part | None:
        """The part to be done next: a suspect, else a new batch; nothing if there is no room."""
        if self._suspects:
            return self._suspects.popleft()
        while len(self._open) < self._limits.open_batches:
            passages = next(self._batches, None)
            if passages is None:
                self._exhausted = True
                return None
            if passages.num_rows and (part := self._begin(passages)) is not None:
                return part
        return None

    def done(self, part: Part, outcome: Outcome) -> None:
        """Book what became of a part.

        Raises:
            ComputeError: more documents were set aside than the limits allow.
        """
        part.rows, part.set_aside = outcome.rows, outcome.set_aside
        account = self.account
        account.peak_memory_bytes = max(account.peak_memory_bytes, outcome.peak_memory_bytes)
        if self._no_rows is None:
            self._no_rows = outcome.rows.slice(0, 0)
        if part.n_documents > outcome.set_aside.num_rows:
            self._deaths_in_a_row = 0
        self._count_set_aside(outcome.set_aside.num_rows)
        self._close(part)

    def lost(self, part: Part, reason: str, detail: str) -> None:
        """Book that a worker died with a part: cut it, try it again, or set it aside.

        Raises:
            ComputeError: too many workers died in a row, or too much was set aside.
        """
        self.account.deaths += 1
        self.account.timeouts += reason == "timeout"
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row > self._limits.consecutive_deaths:
            raise ComputeError(
                f"{self._stage} {self._file}: {self._deaths_in_a_row} workers died one after the "
                f"other and no document was done in between, the last by {reason} ({detail}); "
                "mend the step. What was finished is kept."
            )
        n_documents, batch = part.n_documents, self._batch_of[id(part)]
        part.strikes += 1
        if n_documents > 1:
            pieces = part.cut()
            batch.n_open += len(pieces) - 1
            del self._batch_of[id(part)]
            self._batch_of |= {id(piece): batch for piece in pieces}
            self._suspects.extendleft(reversed(pieces))
        elif n_documents == 0 or part.strikes < STRIKES:
            self._suspects.appendleft(part)
        else:
            self._set_aside(part, reason, detail)

    def ready(self) -> Iterator[tuple[Outcome, int]]:
        """Outcomes whose turn it is, each with the number of its documents; each comes once."""
        while self._open and self._open[0].n_open == 0:
            batch = self._open[0]
            outcome = self._outcome_of(batch)
            if outcome is None:
                self._ask_for_no_rows(batch)
                return
            self._open.popleft()
            self._keep(batch, outcome)
            self.account.batches += 1
            self.account.documents += batch.n_documents
            yield outcome, batch.n_documents

    @property
    def finished(self) -> bool:
        """Whether all batches were read and given out."""
        return self._exhausted and not self._open

    def _begin(self, passages: pa.Table) -> Part | None:
        """Open a batch; nothing if there is nothing to do for it."""
        part = Part(passages)
        n_documents = part.n_documents
        batch = _Batch(part, self._kept.key(passages) if self._kept else "", n_documents)
        self._open.append(batch)
        self._batch_of[id(part)] = batch
        known = self._kept.get(batch.key) if self._kept else None
        if known is not None:
            batch.on_disk = True
            self.account.documents_reused += n_documents
            self.done(part, known)
            return None
        limit = self._limits.document_characters
        if n_documents == 1 and part.n_characters > limit:
            detail = f"{part.n_characters:,} characters, more than {limit:,}"
            self._set_aside(part, "too_long", detail)
            return None
        return part

    def _set_aside(self, part: Part, reason: str, detail: str) -> None:
        part.set_aside = set_aside(
            part.passages,
            stage=self._stage,
            reason=reason,
            detail=detail,
            attempts=part.strikes,
            file=self._file,
        )
        self._count_set_aside(1)
        self._close(part)

    def _close(self, part: Part) -> None:
        batch = self._batch_of.pop(id(part))
        batch.n_open -= 1
        if batch.n_open == 0 and (outcome := self._outcome_of(batch)) is not None:
            self._keep(batch, outcome)

    def _keep(self, batch: _Batch, outcome: Outcome) -> None:
        if self._kept and not batch.on_disk:
            self._kept.put(batch.key, outcome)
            batch.on_disk = True

    def _outcome_of(self, batch: _Batch) -> Outcome | None:
        """What became of a batch, if it is known what rows look like."""
        leaves = list(batch.whole.leaves())
        rows = [leaf.rows for leaf in leaves if leaf.rows is not None]
        if not rows:
            if self._no_rows is None:
                return None
            rows = [self._no_rows]
        aside = [leaf.set_aside for leaf in leaves if leaf.set_aside is not None]
        return Outcome(pa.concat_tables(rows), pa.concat_tables([QUARANTINE.empty(), *aside]))

    def _ask_for_no_rows(self, batch: _Batch) -> None:
        """Have the step work on no passages: only it knows what its rows look like."""
        part = Part(batch.whole.passages.slice(0, 0))
        batch.n_open = 1
        self._batch_of[id(part)] = batch
        self._suspects.append(part)

    def _count_set_aside(self, n_documents: int) -> None:
        self.account.set_aside += n_documents
        if self.account.set_aside > self._limits.set_aside:
            raise ComputeError(
                f"{self._stage} {self._file}: more than {self._limits.set_aside} documents failed; "
                "mend the step, or allow more by KAZU_MAX_SET_ASIDE."
            )
