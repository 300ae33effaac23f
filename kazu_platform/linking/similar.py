"""Similar names: the distinct names of each class, found by their trigrams and by their vectors.

A folder holds `manifest.json` and, for each class, Arrow files that are mapped into memory; `<n>`
is the place of the class in the manifest:

strings-<n>.arrow   string: the distinct normalised names, ascending; length: of its vector of
                    trigrams
grams-<n>.arrow     begin: where the names of each trigram begin in `postings`; weight: of each
postings-<n>.arrow  string: rows of strings
vectors-<n>.arrow   value: bytes of a vector, scale: what they are times (see `embedding.Bytes`);
                    only of classes that are embedded

It knows names and not what they mean: the linking index says that. So a name that a curation
silences need not be taken out, and one folder serves while the index changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from kazu_platform.documents import digest
from kazu_platform.linking.grams import BUCKETS, GRAMS_VERSION, cosines, spread, trigrams
from kazu_platform.storage.compiled import map_table, read_manifest
from kazu_platform.text.normalise import NORMALISER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

KIND: Final = "similar names"
FORMAT_VERSION: Final = 1
LEAST_GRAMS: Final = 0.3
"""Cosine of trigrams below which a name is not looked at."""
LEAST_VECTORS: Final = 0.5
"""The same of vectors."""
MOST_NAMES: Final = 24
"""Names of each kind of likeness that are looked at."""
_COMMON: Final = 40
"""A trigram of more than one in so many names finds none, if the string has others."""
_RARE: Final = 2_000
"""A trigram of so few names is never common."""
_QUERIES: Final = 256
_NAMES: Final = 16_384


@dataclass(frozen=True, slots=True)
class SimilarManifest:
    """What a folder of similar names holds; `versions` change with the names of a class."""

    format_version: int
    grams_version: str
    normaliser_version: str
    encoder_version: str
    classes: tuple[str, ...]
    names: Mapping[str, int]
    embedded: tuple[str, ...]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Names that are like strings: parallel arrays, in order of the queries.

    Attributes:
        query: Row of the string that was asked for.
        name: Row of the class's strings.
        grams: Cosine of trigrams.
        vectors: Cosine of vectors; 0 where the class or the query has none.
    """

    query: NDArray[np.int64]
    name: NDArray[np.int64]
    grams: NDArray[np.float32]
    vectors: NDArray[np.float32]


class ClassNames:
    """The names of one class."""

    def __init__(self, folder: Path, number: int, *, is_embedded: bool) -> None:
        strings = map_table(folder, f"strings-{number}")
        grams = map_table(folder, f"grams-{number}")
        self.strings = strings["string"].combine_chunks()
        self.length: NDArray[np.float32] = strings["length"].to_numpy()
        self._begin: NDArray[np.int64] = grams["begin"].to_numpy()
        self._weight: NDArray[np.float32] = grams["weight"].to_numpy()[:BUCKETS]
        self._postings: NDArray[np.int32] = map_table(folder, f"postings-{number}")[
            "string"
        ].to_numpy()
        self._vectors = map_table(folder, f"vectors-{number}") if is_embedded else None

    @cached_property
    def vectors(self) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
        """Bytes and scale of every name. Shapes: (n, dimensions), (n,)."""
        if self._vectors is None:
            return None
        values = self._vectors["value"].combine_chunks()
        width = values.type.byte_width
        raw = np.frombuffer(values.buffers()[1], np.int8, len(values) * width)
        return raw.reshape(len(values), width), self._vectors["scale"].to_numpy()

    def like(self, strings: Sequence[str], vectors: NDArray[np.float32] | None = None) -> Likeness:
        """The names that are most like each string, by trigrams or by vectors.

        Args:
            strings: Normalised as names of the class are.
            vectors: Unit vectors of the strings; without them trigrams alone count. Shape:
                (n_strings, dimensions).
        """
        found = [self._by_grams(strings)]
        if vectors is not None and self.vectors is not None:
            found.append(self._by_vectors(vectors))
        key = np.unique(np.concatenate([query * len(self.strings) + name for query, name in found]))
        query, name = np.divmod(key, max(1, len(self.strings)))
        near = self._dots(vectors, query, name)
        return Likeness(query, name, self._cosines(strings, query, name), near)

    def _by_grams(self, strings: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        row, gram = trigrams(strings)
        border = np.searchsorted(row, np.arange(len(strings) + 1))
        counts = np.diff(self._begin)
        square = self._weight.astype(np.float64) ** 2
        limit = max(_RARE, len(self.strings) // _COMMON)
        parts = []
        for query in range(len(strings)):
            own = gram[border[query] : border[query + 1]]
            length = np.sqrt(square[own].sum())
            rare = own[counts[own] <= limit]
            parts.append(self._most_alike(rare if len(rare) else own, square, length))
        query = np.repeat(np.arange(len(strings)), [len(each) for each in parts])
        return query, np.concatenate([np.zeros(0, np.int64), *parts])

    def _most_alike(
        self, grams: NDArray[np.int64], square: NDArray[np.float64], length: float
    ) -> NDArray[np.int64]:
        """Names with most of some trigrams; what common trigrams would add is not looked at."""
        owner, place = spread(self._begin[grams], self._begin[grams + 1])
        names = self._postings[place]
        dot = np.bincount(names, weights=square[grams][owner], minlength=len(self.strings))
        some = np.flatnonzero(dot)
        if not len(some):
            return some
        cosine = dot[some] / (self.length[some] * length)
        # Common trigrams may lift it as high as this again.
        least = LEAST_GRAMS * min(1.0, np.sqrt(square[grams].sum()) / length)
        some, cosine = some[cosine >= least], cosine[cosine >= least]
        if len(some) > MOST_NAMES:
            some = some[np.argpartition(-cosine, MOST_NAMES)[:MOST_NAMES]]
        return np.sort(some)

    def _by_vectors(
        self, vectors: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self.vectors is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        values, scale = self.vectors
        queries, names = [], []
        for start in range(0, len(vectors), _QUERIES):
            block = vectors[start : start + _QUERIES]
            best = _Best(len(block))
            for at in range(0, len(values), _NAMES):
                part = values[at : at + _NAMES].astype(np.float32)
                best.add(block @ part.T * scale[at : at + _NAMES], at)
            query, name = best.found()
            queries.append(query + start)
            names.append(name)
        return np.concatenate(queries), np.concatenate(names)

    def _dots(
        self,
        vectors: NDArray[np.float32] | None,
        query: NDArray[np.int64],
        name: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        if vectors is None or self.vectors is None:
            return np.zeros(len(query), np.float32)
        values, scale = self.vectors
        dots = np.einsum("ij,ij->i", vectors[query], values[name].astype(np.float32))
        return (dots * scale[name]).astype(np.float32)

    def _cosines(
        self, strings: Sequence[str], query: NDArray[np.int64], name: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        distinct, row = np.unique(name, return_inverse=True)
        names = self.strings.take(pa.array(distinct)).to_pylist()
        return cosines(trigrams(strings), trigrams(names), (query, row), self._weight)


class _Best:
    """The most similar names of each of some queries, block by block."""

    def __init__(self, n: int) -> None:
        self._cosine = np.full((n, MOST_NAMES), LEAST_VECTORS, np.float32)
        self._name = np.full((n, MOST_NAMES), -1, np.int64)

    def add(self, cosine: NDArray[np.float32], first: int) -> None:
        """Take a block in. Shape of the cosines: (n, names of the block)."""
        query, name = np.nonzero(cosine > self._cosine.min(axis=1)[:, None])
        if not len(query):
            return
        begin = np.searchsorted(query, np.arange(len(self._cosine) + 1))
        for each in np.unique(query).tolist():
            own = name[begin[each] : begin[each + 1]]
            both = np.concatenate([self._cosine[each], cosine[each, own]])
            names = np.concatenate([self._name[each], own + first])
            kept = np.argpartition(-both, MOST_NAMES - 1)[:MOST_NAMES]
            self._cosine[each], self._name[each] = both[kept], names[kept]

    def found(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Queries and names."""
        query, place = np.nonzero(self._name >= 0)
        return query, self._name[query, place]


class SimilarNames:
    """An opened folder. It is pickled as its path."""

    def __init__(self, folder: Path, manifest: SimilarManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._classes: dict[str, ClassNames] = {}

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        """Travel to a worker as a path; the worker maps the same pages."""
        return open_similar_names, (self.folder,)

    @property
    def version(self) -> str:
        """Changes with the names of any class, and with the encoder."""
        manifest = self.manifest
        return digest(
            manifest.encoder_version, *(f"{k}\t{v}" for k, v in sorted(manifest.versions.items()))
        )

    def of(self, entity_class: str) -> ClassNames | None:
        """The names of a class; None of a class without any."""
        if entity_class not in self.manifest.classes:
            return None
        if entity_class not in self._classes:
            self._classes[entity_class] = ClassNames(
                self.folder,
                self.manifest.classes.index(entity_class),
                is_embedded=entity_class in self.manifest.embedded,
            )
        return self._classes[entity_class]


def open_similar_names(folder: Path) -> SimilarNames:
    """Open a compiled folder; nothing is built.

    Raises:
        ArtifactError: there is none, it is broken, or another version made it.
    """
    required = {
        "format_version": FORMAT_VERSION,
        "grams_version": GRAMS_VERSION,
        "normaliser_version": NORMALISER_VERSION,
    }
    read = read_manifest(Path(folder), kind=KIND, required=required)
    for name in ("classes", "embedded"):
        read[name] = tuple(read[name])
    return SimilarNames(Path(folder), SimilarManifest(**read))
