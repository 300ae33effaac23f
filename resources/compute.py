"""Where steps run: today in this process, behind the seam that a cluster will use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import dagster as dg
import pyarrow as pa
from pydantic import Field

from kazu_platform.execution.batching import micro_batches
from kazu_platform.execution.inline import run_inline
from kazu_platform.execution.steps import Outcome, Step


class ComputeResource(dg.ConfigurableResource):
    """Runs a step over passages in micro-batches of bounded text.

    A document that fails costs only itself: it is set aside with its reason and the rest goes on.
    """

    mode: Literal["inline"] = Field("inline", description="inline: in the process of the step.")
    batch_characters: int = Field(
        2_000_000, description="Text of a micro-batch, in code points.", gt=0
    )

    def run(
        self,
        step: Step,
        passages: Iterable[pa.Table],
        *,
        file: str,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Outcome]:
        """Outcomes in the order of the passages.

        Args:
            step: what to do, picklable.
            passages: rows of PASSAGES; documents must not be split between tables.
            file: partition the passages come from, named where a document is set aside.
            progress: told the number of documents of each micro-batch when it is done.
        """
        batches = (
            batch
            for table in passages
            for batch in micro_batches(table, max_characters=self.batch_characters)
        )
        return run_inline(step, batches, file=file, progress=progress)
