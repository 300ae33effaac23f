"""Vectors that are kept: a string of the corpus is embedded once by an encoder.

Surfaces of the same normalised string share its vector, whatever their class and context. Vectors
are kept as bytes, and whoever links reads all of them as bytes, so that links do not depend on
what was kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.linking.embedding import Bytes, as_bytes
from kazu_platform.tables import SURFACE_VECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kazu_platform.linking.similar_compile import EmbedsNames

_BUCKETS: Final = 16


@dataclass(frozen=True)
class KnownVectors:
    """An embedder that looks up first.

    Attributes:
        embedder: Makes the vectors of strings that are not known.
        known: SURFACE_VECTORS; those of another encoder do not count.
    """

    embedder: EmbedsNames
    known: pa.Table

    @property
    def dimensions(self) -> int:
        """Of a vector."""
        return self.embedder.dimensions

    @property
    def version(self) -> str:
        """Of the encoder."""
        return self.embedder.version

    def embed(self, strings: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, as exact as bytes are. Shape: (n_strings, dimensions)."""
        places = np.array([self._places.get(each, -1) for each in strings], np.int64)
        found = np.zeros((len(strings), self.dimensions), np.float32)
        there = places >= 0
        found[there] = self._bytes(places[there]).vectors()
        new = [strings[row] for row in np.flatnonzero(~there).tolist()]
        if new:
            found[~there] = as_bytes(self.embedder.embed(new)).vectors()
        return found

    @cached_property
    def _own(self) -> pa.Table:
        frame = pl.DataFrame(self.known).filter(pl.col("encoder_version") == self.version)
        return frame.unique("normalised").to_arrow(compat_level=pl.CompatLevel.oldest())

    @cached_property
    def _places(self) -> dict[str, int]:
        return {each: row for row, each in enumerate(self._own["normalised"].to_pylist())}

    def _bytes(self, rows: NDArray[np.int64]) -> Bytes:
        own = self._own.take(pa.array(rows))
        values = np.frombuffer(b"".join(own["value"].to_pylist()), np.int8)
        return Bytes(values.reshape(len(rows), self.dimensions), own["scale"].to_numpy())


def vectors_of(strings: Sequence[str], embedder: EmbedsNames) -> pa.Table:
    """Embed normalised strings: rows of SURFACE_VECTORS."""
    made = as_bytes(embedder.embed(strings))
    return SURFACE_VECTORS.from_columns(
        {
            "normalised": list(strings),
            "value": [row.tobytes() for row in made.values],
            "scale": made.scale,
            "encoder_version": [embedder.version] * len(strings),
        }
    )


def string_bucket(string: str) -> str:
    """The bucket that the vector of a string is kept in.

    >>> string_bucket("breast cancer")
    '0c'
    """
    return f"0{crc32(string.encode()) % _BUCKETS:x}"
