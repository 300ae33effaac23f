"""What a pool of workers is: something that does parts of a partition and says what became of them.

A worker has one part at a time, so that a worker's death is blamed on the part that it had and on
no other. A pool replaces a worker that died.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from kazu_platform.execution.steps import Outcome


@dataclass(frozen=True)
class Done:
    """A part was worked on; documents that raise are set aside in its outcome."""

    task: int
    outcome: Outcome


@dataclass(frozen=True)
class Lost:
    """The worker that had a part is gone.

    Attributes:
        task: the part.
        reason: crash, out_of_memory or timeout.
        detail: the same in words.
    """

    task: int
    reason: str
    detail: str


class Pool(Protocol):
    """Workers that have opened one step."""

    @property
    def n_started(self) -> int:
        """Workers started so far."""
        ...

    def has_room(self) -> bool:
        """Whether one more part would be begun rather than wait."""
        ...

    def give(self, task: int, passages: pa.Table, *, timeout: float) -> None:
        """Have a part done; it may take so many seconds."""
        ...

    def wait(self) -> Sequence[Done | Lost]:
        """Wait until something became of at least one part.

        Raises:
            ComputeError: the step cannot be opened, or no worker can be had.
        """
        ...
