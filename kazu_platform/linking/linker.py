"""What a linker is: something with a version that finds the concepts of surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import polars as pl
    import pyarrow as pa

    from kazu_platform.linking.exact import ExactLinker


class Linker(Protocol):
    """Links surfaces: strings of a class in a context, each only once."""

    @property
    def version(self) -> str:
        """Changes when the same surface and vocabulary may give other links."""
        ...

    @property
    def vocabulary_version(self) -> Mapping[str, str]:
        """Version of what it links to, by entity class."""
        ...

    @property
    def similar_version(self) -> Mapping[str, str]:
        """Version of the names that count although they are only similar, by entity class."""
        ...

    @property
    def encoder_version(self) -> str:
        """Of the encoder whose vectors it compares; empty without one."""
        ...

    @property
    def by_name(self) -> ExactLinker:
        """The linker by equal names alone: what contexts are found with."""
        ...

    def link(self, surfaces: pa.Table) -> pa.Table:
        """Rank the candidate concepts of surfaces (SURFACES) as rows of LINKS.

        Rows are ordered as the surfaces are, then by rank. A surface that nothing fits has none.
        """
        ...

    def embedded(self, surfaces: pa.Table) -> list[str]:
        """The normalised strings of surfaces (SURFACES) whose vectors linking asks for."""
        ...

    def with_vectors(self, vectors: pa.Table) -> Linker:
        """The same linker, which does not embed what has a vector (SURFACE_VECTORS) already."""
        ...

    def reminded_of(self, surfaces: pa.Table, concepts: Collection[str]) -> pl.Series:
        """The surfaces (SURFACES) that may mean some concepts whatever these are called: ids."""
        ...
