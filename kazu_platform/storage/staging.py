"""Rows between being written and being live: where a gate may look at them and say no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from kazu_platform.errors import LakeError
from kazu_platform.storage.parquet import Summary, read_batches, select

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from kazu_platform.storage.pointers import Pointer
    from kazu_platform.tables import Table


@dataclass(frozen=True, slots=True)
class _Any:
    """Whatever is live, or nothing."""


ANY: Final = _Any()
Expected = str | None | _Any


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left as the live generation.

    `unchanged` means that nothing was written: rows and inputs are what they were. `same_rows`
    means that the rows are, so that nothing made from them needs to be made again.
    """

    pointer: Pointer
    unchanged: bool
    same_rows: bool

    @property
    def n_rows(self) -> int:
        """Rows of the partition."""
        return self.pointer.n_rows

    @property
    def data_version(self) -> str:
        """Hash of the rows."""
        return self.pointer.data_version

    @property
    def generation(self) -> str:
        """The live generation."""
        return self.pointer.generation

    @property
    def path(self) -> str:
        """Its file."""
        return self.pointer.path


@dataclass(frozen=True)
class Staged:
    """Rows that are written and that nobody sees yet; `Lake.stage` makes them.

    Leaving the `with` block without `publish()` discards them.
    """

    table: Table
    partition: str
    path: Path
    summary: Summary
    inputs: Mapping[str, str]
    expected: Expected
    make_live: Callable[[Staged], Written]

    @property
    def n_rows(self) -> int:
        """Rows written."""
        return self.summary.n_rows

    @property
    def data_version(self) -> str:
        """Hash of the rows."""
        return self.summary.data_version

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows, as they would be read once published."""
        found = read_batches(self.table, str(self.path), columns, partition=self.partition)
        return pa.Table.from_batches(list(found), schema=select(self.table, columns))

    def publish(self) -> Written:
        """Make the rows live.

        Raises:
            LostRaceError: the partition is no longer as expected. Nothing was written.
            LakeError: they were published or discarded before.
        """
        if not self.path.exists():
            raise LakeError(
                f"{self.table.name} {self.partition}: the staged rows were published, discarded or "
                "collected before; write them again."
            )
        written = self.make_live(self)
        self.discard()
        return written

    def discard(self) -> None:
        """Forget the rows; what is live stays."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()
