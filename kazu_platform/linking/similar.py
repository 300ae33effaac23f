"""Similar names: the distinct names of each class, found by their trigrams and by their vectors.

A folder holds `manifest.json` and, for each class, Arrow files that are mapped into memory; `<n>`
is the place of the class in the manifest:

strings-<n>.arrow   string: the distinct normalised names, ascending; end: where the trigrams of
                    each end in `spelled`
spelled-<n>.arrow   gram, share: the trigrams of every name, and what each counts in it
grams-<n>.arrow     weight: of each trigram; end: where the names of each end in `postings`
postings-<n>.arrow  string, share: the names that have a trigram, and what it counts in each
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

from kazu_platform.documents import digest
from kazu_platform.linking.grams import BUCKETS, GRAMS_VERSION, products, trigrams, unit_rows
from kazu_platform.linking.nearest import nearest
from kazu_platform.storage.compiled import map_table, read_manifest
from kazu_platform.text.normalise import NORMALISER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

KIND: Final = "similar names"
FORMAT_VERSION: Final = 2
LEAST_GRAMS: Final = 0.25
"""Cosine of trigrams, without common ones, below which a name is not looked at."""
LEAST_VECTORS: Final = 0.5
"""The same of vectors."""
MOST_NAMES: Final = 24
"""Names of each kind of likeness that are looked at."""
_COMMON: Final = 20
"""A trigram of more than one in so many names finds none, if the string has others."""
_RARE: Final = 2_000
"""A trigram of so few names is never common."""


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
        self._weight: NDArray[np.float32] = grams["weight"].to_numpy()
        n = len(self.strings)
        spelled = map_table(folder, f"spelled-{number}")
        self._spelled = _matrix(spelled, strings["end"], "gram", (n, BUCKETS))
        postings = map_table(folder, f"postings-{number}")
        # Copied: what multiplies wants arrays that may be written, and only reads them.
        self._postings = _matrix(postings, grams["end"], "string", (BUCKETS, n)).copy()
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

    def like(
        self,
        strings: Sequence[str],
        vectors: NDArray[np.float32] | None = None,
        threads: int = 1,
    ) -> Likeness:
        """The names that are most like each string, by trigrams or by vectors.

        Args:
            strings: Normalised as names of the class are.
            vectors: Unit vectors of the strings; without them trigrams alone count. Shape:
                (n_strings, dimensions).
            threads: To look for them with.
        """
        rows = unit_rows(trigrams(strings), len(strings), self._weight)
        found = [self._by_grams(rows, threads)]
        if vectors is not None and self.vectors is not None:
            values, scale = self.vectors
            found.append(
                nearest(
                    vectors, values, scale, most=MOST_NAMES, least=LEAST_VECTORS, threads=threads
                )
            )
        key = np.unique(np.concatenate([query * len(self.strings) + name for query, name in found]))
        query, name = np.divmod(key, max(1, len(self.strings)))
        grams = products(rows, self._spelled, (query, name))
        return Likeness(query, name, grams, self._dots(vectors, query, name))

    def _by_grams(
        self, rows: csr_matrix, threads: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Names with most of the trigrams of strings that are not common."""
        from sparse_dot_topn import sp_matmul_topn

        found = sp_matmul_topn(
            self._without_common(rows),
            self._postings,
            MOST_NAMES,
            threshold=LEAST_GRAMS,
            n_threads=threads,
        ).tocoo()
        return found.row.astype(np.int64), found.col.astype(np.int64)

    def _without_common(self, rows: csr_matrix) -> csr_matrix:
        from scipy.sparse import csr_matrix

        n = len(rows.indptr) - 1
        counts = np.diff(self._postings.indptr)
        is_rare = counts[rows.indices] <= max(_RARE, len(self.strings) // _COMMON)
        owner = np.repeat(np.arange(n), np.diff(rows.indptr))
        n_rare = np.bincount(owner[is_rare], minlength=n)
        kept = is_rare | (n_rare == 0)[owner]
        begin = np.searchsorted(owner[kept], np.arange(n + 1)).astype(np.int32)
        return csr_matrix((rows.data[kept], rows.indices[kept], begin), shape=(n, BUCKETS))

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


def _matrix(rows: pa.Table, ends: pa.ChunkedArray, of: str, shape: tuple[int, int]) -> csr_matrix:
    """A sparse matrix over mapped pages."""
    from scipy.sparse import csr_matrix

    begin = np.concatenate([np.zeros(1, np.int32), ends.to_numpy()])
    return csr_matrix((rows["share"].to_numpy(), rows[of].to_numpy(), begin), shape=shape)


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
