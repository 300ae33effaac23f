"""Compiling the names of a linking index for `similar`: trigrams of all, vectors of some classes.

Vectors are what takes long, about a thousand names a second. Those that a former folder of the same
encoder has are taken from there, so that a new version of an ontology costs its new names.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.documents import digest
from kazu_platform.linking.embedding import Bytes, as_bytes
from kazu_platform.linking.grams import BUCKETS, GRAMS_VERSION, trigrams, unit_rows
from kazu_platform.linking.similar import FORMAT_VERSION, SimilarManifest
from kazu_platform.storage.compiled import hash_columns, write_compiled
from kazu_platform.text.normalise import NORMALISER_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.linking.index import LinkingIndex
    from kazu_platform.linking.similar import SimilarNames


class EmbedsNames(Protocol):
    """What makes vectors of names (`embedding.Embedder`)."""

    dimensions: int
    version: str

    def embed(self, strings: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors. Shape: (n_strings, dimensions)."""
        ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """What was written, and how many names were embedded for it or taken from a former folder."""

    manifest: SimilarManifest
    n_embedded: int
    n_kept: int


def build_similar_names(  # noqa: PLR0913 - what is compiled, and what is known of it
    index: LinkingIndex,
    folder: Path,
    *,
    embedder: EmbedsNames | None = None,
    embedded: Collection[str] = (),
    former: SimilarNames | None = None,
    says: Callable[[str], None] = lambda _: None,
) -> Compiled:
    """Compile the distinct normalised names of every class of an index.

    Args:
        index: Whose names.
        folder: Where to write; what is there is replaced.
        embedder: Makes the vectors.
        embedded: Classes whose names get vectors, where there is an embedder.
        former: What was compiled before; its vectors are used where they are of this embedder.
        says: Told how it goes.
    """
    tables: dict[str, pa.Table] = {}
    names: dict[str, int] = {}
    versions: dict[str, str] = {}
    counts = np.zeros(2, np.int64)
    vectors = _Vectors(embedder, former)
    classes = index.manifest.classes
    for number, entity_class in enumerate(classes):
        strings = _names_of(index, number)
        tables |= {f"{what}-{number}": rows for what, rows in _by_grams(strings).items()}
        names[entity_class] = len(strings)
        versions[entity_class] = hash_columns([strings])
        if embedder is not None and entity_class in embedded:
            made, fresh = vectors.of(entity_class, strings)
            tables[f"vectors-{number}"] = made
            counts += (fresh, len(strings) - fresh)
            says(f"{entity_class}: {fresh:,} names embedded of {len(strings):,}")
            versions[entity_class] = digest(versions[entity_class], embedder.version)
    manifest = SimilarManifest(
        format_version=FORMAT_VERSION,
        grams_version=GRAMS_VERSION,
        normaliser_version=NORMALISER_VERSION,
        encoder_version=embedder.version if embedder else "",
        classes=classes,
        names=names,
        embedded=tuple(name for name in classes if embedder is not None and name in embedded),
        versions=versions,
    )
    write_compiled(folder, tables, asdict(manifest))
    return Compiled(manifest, *counts.tolist())


def _names_of(index: LinkingIndex, number: int) -> pa.Array:
    """The distinct normalised names of a class, ascending."""
    own = pa.array(index.names["entity_class"].to_numpy() == number)
    found = pl.Series(index.names["normalised"].filter(own).combine_chunks()).unique().sort()
    arrow = found.filter(found != "").to_arrow(compat_level=pl.CompatLevel.oldest())
    return arrow.cast(pa.large_string())


def _by_grams(strings: pa.Array) -> dict[str, pa.Table]:
    grams = trigrams(strings.to_pylist())
    frequency = np.bincount(grams.gram, minlength=BUCKETS)
    weight = (np.log((1 + len(strings)) / (1 + frequency)) + 1).astype(np.float32)
    rows = unit_rows(grams, len(strings), weight)
    order = np.argsort(rows.indices, kind="stable")
    names = np.repeat(np.arange(len(strings), dtype=np.int32), np.diff(rows.indptr))
    return {
        "strings": pa.table({"string": strings, "end": rows.indptr[1:]}),
        "spelled": pa.table({"gram": rows.indices, "share": rows.data}),
        "grams": pa.table({"weight": weight, "end": np.cumsum(frequency).astype(np.int32)}),
        "postings": pa.table({"string": names[order], "share": rows.data[order]}),
    }


@dataclass(frozen=True)
class _Vectors:
    """Makes vectors of names, or takes them from what was made before."""

    embedder: EmbedsNames | None
    former: SimilarNames | None

    def of(self, entity_class: str, strings: pa.Array) -> tuple[pa.Table, int]:
        """A table of vectors as bytes, and how many were made now."""
        if self.embedder is None:
            raise AssertionError("no embedder")
        known, place = self._known(entity_class, strings)
        fresh = np.flatnonzero(place < 0)
        made = as_bytes(self.embedder.embed(strings.take(pa.array(fresh)).to_pylist()))
        values = np.zeros((len(strings), self.embedder.dimensions), np.int8)
        scale = np.zeros(len(strings), np.float32)
        values[fresh], scale[fresh] = made.values, made.scale
        if known is not None:
            old = np.flatnonzero(place >= 0)
            values[old], scale[old] = known.values[place[old]], known.scale[place[old]]
        kind = pa.binary(self.embedder.dimensions)
        flat = pa.Array.from_buffers(kind, len(strings), [None, pa.py_buffer(values.tobytes())])
        return pa.table({"value": flat, "scale": pa.array(scale)}), len(fresh)

    def _known(
        self, entity_class: str, strings: pa.Array
    ) -> tuple[Bytes | None, NDArray[np.int64]]:
        """Former vectors of a class, and the row of each name among them, or -1."""
        nothing = np.full(len(strings), -1, np.int64)
        former, embedder = self.former, self.embedder
        if former is None or embedder is None:
            return None, nothing
        names = former.of(entity_class)
        is_same = former.manifest.encoder_version == embedder.version
        if names is None or not is_same or names.vectors is None:
            return None, nothing
        rows = pl.DataFrame({"string": pl.Series(names.strings)}).with_row_index("row")
        found = pl.DataFrame({"string": pl.Series(strings)}).join(
            rows, on="string", how="left", maintain_order="left"
        )["row"]
        return Bytes(*names.vectors), found.cast(pl.Int64).fill_null(-1).to_numpy()
