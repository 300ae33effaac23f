"""Linking as steps that a compute resource can run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.documents import digest
from kazu_platform.linking.evidence import Asked
from kazu_platform.linking.open import LazyEmbedder
from kazu_platform.linking.vectors import vectors_of
from kazu_platform.tables import SURFACE_VECTORS, SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kazu_platform.linking.open import LinkerParts

_VECTORS: Final = "vectors"
"""Of a unit: those of its strings, as far as they are known."""


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

        def link(units: pa.Table) -> pa.Table:
            return linker.with_vectors(_vectors_in(units)).link(units.select(SURFACES.schema.names))

        return link


@dataclass(frozen=True)
class EmbedStep:
    """Embed strings with an encoder; a worker opens it from its folder."""

    model: Path
    version: str
    name: str = "embedding"

    @classmethod
    def of(cls, model: Path) -> Self:
        """The step for an encoder."""
        return cls(model, LazyEmbedder(model, 1).version)

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Open the encoder; the function turns `strings_as_units` into SURFACE_VECTORS."""
        embedder = LazyEmbedder(self.model, 1)
        return lambda units: vectors_of(units["text"].to_pylist(), embedder)


def units_of(surfaces: pa.Table, vectors: pa.Table) -> pa.Table:
    """SURFACES as units of work: what a document is to a detector, a surface is to a linker.

    Args:
        surfaces: SURFACES.
        vectors: SURFACE_VECTORS that are known; each unit gets those of its strings.

    >>> surfaces = SURFACES.empty()
    >>> units_of(surfaces, SURFACE_VECTORS.empty()).column_names[-3:]
    ['doc_id', 'content_hash', 'vectors']
    """
    strings = _strings(surfaces)
    own = (
        strings.join(
            pl.DataFrame(vectors).unique("normalised"),
            on="normalised",
            maintain_order="left",
        )
        .group_by("row", maintain_order=True)
        .agg(pl.struct(SURFACE_VECTORS.schema.names).alias(_VECTORS))
    )
    rows = pl.select(row=pl.int_range(surfaces.num_rows)).join(
        own, on="row", how="left", maintain_order="left"
    )
    known = rows[_VECTORS].to_arrow(compat_level=pl.CompatLevel.oldest())
    units = surfaces.append_column("doc_id", surfaces["surface_id"])
    units = units.append_column("content_hash", surfaces["surface_id"])
    return units.append_column(_VECTORS, known)


def strings_of(surfaces: pa.Table) -> list[str]:
    """The normalised strings of SURFACES, their own and their long forms, each once."""
    return _strings(surfaces)["normalised"].unique(maintain_order=True).to_list()


def _strings(surfaces: pa.Table) -> pl.DataFrame:
    """Columns row and normalised: of each surface its own string, and its long form."""
    asked = Asked.of(surfaces)
    rows = [(row, text) for row, _, text in asked.strings(np.arange(surfaces.num_rows))]
    return pl.DataFrame(rows, {"row": pl.Int64, "normalised": pl.String}, orient="row")


def strings_as_units(strings: Sequence[str]) -> pa.Table:
    """Normalised strings as units of work, each a document of its own.

    >>> strings_as_units(["breast cancer"]).to_pylist()
    [{'doc_id': 'breast cancer', 'content_hash': '', 'text': 'breast cancer'}]
    """
    column = pa.array(strings, pa.string())
    nothing = pa.repeat("", len(column))
    return pa.table({"doc_id": column, "content_hash": nothing, "text": column})


def _vectors_in(units: pa.Table) -> pa.Table:
    """SURFACE_VECTORS that units carry, each once."""
    every = pl.DataFrame(units.select([_VECTORS])).drop_nulls().explode(_VECTORS)
    if every.is_empty():
        return SURFACE_VECTORS.empty()
    rows = every.unnest(_VECTORS).unique("normalised")
    return SURFACE_VECTORS.check(
        rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(SURFACE_VECTORS.schema)
    )
