"""A step run in this process, as compute does it in mode `inline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.execution.inline import InlinePool
from kazu_platform.execution.ledger import Ledger
from kazu_platform.execution.running import run_on_pool
from kazu_platform.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import pyarrow as pa

    from kazu_platform.execution.steps import Outcome, Step


@pytest.fixture(scope="session")
def run_inline() -> Callable[..., Generator[Outcome]]:
    """Run a step over batches, one after the other."""

    def run(
        step: Step,
        batches: Iterable[pa.Table],
        *,
        progress: Callable[[int], None] | None = None,
        max_set_aside: int = 1_000,
    ) -> Generator[Outcome]:
        limits = Limits(set_aside=max_set_aside)
        ledger = Ledger(iter(batches), stage=step.name, file="pubmed26n0001", limits=limits)
        pool = InlinePool(step, file="pubmed26n0001", max_set_aside=max_set_aside)
        return run_on_pool(ledger, pool, limits, progress=progress)

    return run
