"""Linking as a step that a compute resource can run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from kazu_platform.documents import digest
from kazu_platform.tables import SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from kazu_platform.linking.open import LinkerParts


@dataclass(frozen=True)
class LinkStep:
    """Link surfaces to what a compiled index holds; a worker opens it from its folders."""

    parts: LinkerParts
    version: str
    name: str = "linking"

    @classmethod
    def of(cls, parts: LinkerParts) -> Self:
        """The step for an index; its version is that of the vocabularies and of the linker."""
        linker = parts.open()
        names = sorted([*linker.vocabulary_version.items(), *linker.similar_version.items()])
        version = digest(linker.version, *(f"{name}\t{version}" for name, version in names))
        return cls(parts, version)

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Map the index into memory; the function turns units of work into LINKS."""
        linker = self.parts.open()
        return lambda units: linker.link(units.select(SURFACES.schema.names))


def units_of(surfaces: pa.Table) -> pa.Table:
    """SURFACES as units of work: what a document is to a detector, a surface is to a linker.

    >>> surfaces = SURFACES.empty()
    >>> units_of(surfaces).column_names[-2:]
    ['doc_id', 'content_hash']
    """
    units = surfaces.append_column("doc_id", surfaces["surface_id"])
    return units.append_column("content_hash", surfaces["surface_id"])
