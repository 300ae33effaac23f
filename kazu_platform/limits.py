"""What a run over a partition may cost, and what it may cost unless somebody says otherwise.

Settings, the compute resource and the checks take their defaults from here.
"""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1_000_000

WORKER_MEMORY_MIB = 4096
"""Memory of a worker, beyond what it shares."""
START_SECONDS = 300.0
"""How long to wait while no worker has opened its step."""
MAX_SHARE_SET_ASIDE = 0.05
"""A larger share of a partition set aside fails its check."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one run of a step over one partition.

    Attributes:
        batch_characters: text of a micro-batch, in code points.
        document_characters: a longer document is set aside as too_long without being tried.
        timeout_seconds: for a micro-batch of any size ...
        seconds_per_million_characters: ... and so much more for its text.
        consecutive_deaths: so many workers may die one after the other without a document done
            in between. A poison document takes three or four.
        set_aside: more documents than this are no bad documents but a bad step.
        open_batches: micro-batches begun and not yet given out: what memory is bounded by.
    """

    batch_characters: int = 200_000
    document_characters: int = 20 * MILLION
    timeout_seconds: float = 60.0
    seconds_per_million_characters: float = 600.0
    consecutive_deaths: int = 25
    set_aside: int = 1_000
    open_batches: int = 16

    def timeout(self, characters: int) -> float:
        """Seconds that a worker may take for so much text.

        >>> Limits(timeout_seconds=10, seconds_per_million_characters=100).timeout(50_000)
        15.0
        """
        return self.timeout_seconds + self.seconds_per_million_characters * characters / MILLION
