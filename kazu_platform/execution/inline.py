"""Run a step in this process: for tests, notebooks, the command line and small inputs.

A batch that raises is halved on the borders of its documents until the document that raises is
alone. It gets one more try, then it is set aside with its error; all others are kept, in order,
exactly once. With n documents and k poisons that costs about 2 k log2(n) further calls.

What cannot be helped here is left to a worker process: a crash of the interpreter, a hang, and a
kernel that kills for memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from kazu_platform.execution.batching import document_borders
from kazu_platform.execution.pool import Done
from kazu_platform.execution.steps import Outcome, set_aside
from kazu_platform.tables import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kazu_platform.execution.pool import Lost
    from kazu_platform.execution.steps import Step

ATTEMPTS = 2


class InlinePool:
    """A pool of this very process: a part is done when it is given, and nothing can be lost.

    Args:
        step: what to do; opened when the first part is given.
        file: partition the parts come from.
        max_set_aside: more failing documents than this are no bad documents but a bad step.

    >>> from kazu_platform.tables import PASSAGES
    >>> class Lengths:
    ...     name, version = "lengths", "1"
    ...
    ...     def open(self):
    ...         return lambda passages: passages.select(["doc_id"])
    >>> texts = {"doc_id": "PMID:7", "content_hash": "a", "section": 0, "name": "title"}
    >>> passages = PASSAGES.from_rows([{**texts, "text": "Aspirin.", "sentences": []}])
    >>> pool = InlinePool(Lengths(), file="own", max_set_aside=10)
    >>> pool.give(1, passages, timeout=60)
    >>> [done.outcome.rows.to_pylist() for done in pool.wait()]
    [[{'doc_id': 'PMID:7'}]]
    """

    n_started = 0

    def __init__(self, step: Step, *, file: str, max_set_aside: int) -> None:
        self._step, self._file, self._max_set_aside = step, file, max_set_aside
        self._bisection: Bisection | None = None
        self._done: list[Done | Lost] = []

    def has_room(self) -> bool:
        """One part at a time."""
        return not self._done

    def give(self, task: int, passages: pa.Table, *, timeout: float) -> None:  # noqa: ARG002
        """Do a part now; nobody could stop it after a time.

        Raises:
            Exception: what the step raises on no passages, or once too many documents failed.
        """
        if self._bisection is None:
            work = self._step.open()
            self._bisection = Bisection(self._step.name, work, self._file, self._max_set_aside)
        self._done.append(Done(task, self._bisection.run(passages)))

    def wait(self) -> Sequence[Done | Lost]:
        """What was given."""
        done, self._done = self._done, []
        return done


@dataclass
class Bisection:
    """Work on batches until every document is done or set aside."""

    stage: str
    work: Callable[[pa.Table], pa.Table]
    file: str
    max_set_aside: int
    n_set_aside: int = field(default=0, init=False)

    def run(self, batch: pa.Table) -> Outcome:
        """Do one batch; the part to do next is on top of the stack, so the order is kept."""
        done: list[pa.Table] = []
        failed: list[pa.Table] = []
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            try:
                done.append(self.work(part))
            except Exception:  # noqa: BLE001 - whatever a document provokes
                borders = document_borders(part)
                n_documents = len(borders) - 1
                if n_documents == 1:
                    self._try_again(part, done, failed)
                else:
                    middle = int(borders[n_documents // 2])
                    waiting += [part.slice(middle), part.slice(0, middle)]
        rows = pa.concat_tables(done) if done else self.work(batch.slice(0, 0))
        return Outcome(rows, pa.concat_tables(failed) if failed else QUARANTINE.empty())

    def _try_again(self, document: pa.Table, done: list[pa.Table], failed: list[pa.Table]) -> None:
        """Give a single document its second try."""
        try:
            done.append(self.work(document))
        except Exception as error:
            self.n_set_aside += 1
            if self.n_set_aside > self.max_set_aside:
                error.add_note(
                    f"{self.stage} {self.file}: more than {self.max_set_aside} documents "
                    "failed; mend the step, or allow more by max_set_aside."
                )
                raise
            failed.append(
                set_aside(
                    document,
                    stage=self.stage,
                    reason="out_of_memory" if isinstance(error, MemoryError) else "error",
                    detail=_words(error),
                    attempts=ATTEMPTS,
                    file=self.file,
                )
            )


def _words(error: Exception) -> str:
    """Type and message; the type alone says little less where there is no message."""
    message = str(error)
    name = type(error).__name__
    return f"{name}: {message}" if message else name
