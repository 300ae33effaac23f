"""What a detector is: something with a name and a version that finds mentions in passages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Detector(Protocol):
    """Finds mentions. Detectors do not know each other; `combine` joins what they found."""

    @property
    def name(self) -> str:
        """Short name that stands in column `detector`: dictionary, model, ..."""
        ...

    @property
    def version(self) -> str:
        """Changes when the same text may give other mentions."""
        ...

    def detect(self, passages: pa.Table) -> pa.Table:
        """Find the mentions of some passages (PASSAGES) as rows of DICTIONARY_MENTIONS."""
        ...
