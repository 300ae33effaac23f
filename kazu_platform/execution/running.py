"""Run a step over a partition on a pool, whatever the pool is made of."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from kazu_platform.execution.pool import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from kazu_platform.execution.ledger import Ledger, Part
    from kazu_platform.execution.pool import Pool
    from kazu_platform.execution.steps import Outcome
    from kazu_platform.limits import Limits


def run_on_pool(
    ledger: Ledger,
    pool: Pool,
    limits: Limits,
    *,
    progress: Callable[[int], None] | None = None,
) -> Generator[Outcome]:
    """Do all that is in the books.

    The workers are given new parts before outcomes are given out, so that they work while the
    caller writes; nothing more is begun while the caller does not ask.

    Args:
        ledger: the books of the partition.
        pool: workers of the step.
        limits: what a part may take.
        progress: told the number of documents of each micro-batch when it is given out.

    Yields:
        An outcome for each micro-batch, in order.

    Raises:
        ComputeError: too many workers died, too many documents failed, the step cannot be opened.
    """
    numbers = count()
    given: dict[int, Part] = {}
    while True:
        while pool.has_room() and (part := ledger.next()) is not None:
            task = next(numbers)
            given[task] = part
            pool.give(task, part.passages, timeout=limits.timeout(part.n_characters))
        ledger.account.workers_started = pool.n_started
        for outcome, n_documents in ledger.ready():
            if progress is not None:
                progress(n_documents)
            yield outcome
        if given:
            for event in pool.wait():
                part = given.pop(event.task)
                if isinstance(event, Done):
                    ledger.done(part, event.outcome)
                else:
                    ledger.lost(part, event.reason, event.detail)
        elif ledger.finished:
            return
