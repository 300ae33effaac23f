"""The linking index: every name of every valid concept, found by hash, compiled to a folder.

A folder holds `manifest.json` and Arrow files that are mapped into memory:

concepts.arrow    concept_id, ontology, label, number (equal for equal concept_id), taxon_id (empty
                  for none), in order of ontologies and then of concept_id: the last thing that
                  decides between two; a concept that another one stands for is not among them
names.arrow       entity_class (index into `classes`), exact (dashes, quotes and blanks folded),
                  folded (the case too), normalised, scope (index into SCOPES), case_sensitive,
                  concept (row of concepts.arrow: the leader, where equivalents are known), place
                  (of the ontology that gives the name, in order of preference), preferred (a
                  curation's: the string means this concept first; not normalised, as it is about
                  no other string)
folded.arrow      key, name: rows of names.arrow ordered by CRC-32 of class and folded name
normalised.arrow  the same for the normalised name

Looking up a hundred thousand strings is one binary search over an array; nothing is built when
an index is opened, so a command that links three strings pays for three.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.storage.compiled import map_table, read_manifest
from kazu_platform.text.fold import FOLD_VERSION
from kazu_platform.text.normalise import NORMALISER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

KIND = "linking index"
FORMAT_VERSION = 3
SCOPES = ("label", "exact", "abbreviation", "narrow", "broad", "related")
"""Scopes of a synonym, best first."""

ONTOLOGY_BITS: Final = 64
"""Ontologies that `LinkingIndex.ontology_bits` tells apart; those behind them count as one."""

KEYED = ("folded", "normalised")
"""Columns of names that are found by their hash."""


@dataclass(frozen=True, slots=True)
class LinkingManifest:
    """What a linking index holds, and of what it was made."""

    format_version: int
    fold_version: str
    normaliser_version: str
    classes: tuple[str, ...]
    ontologies: tuple[str, ...]
    concepts: int
    names: int
    names_per_class: Mapping[str, int]
    vocabulary_version: Mapping[str, str]
    built_from: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hits:
    """Names that equal queries: parallel arrays of rows of the queries and of names.arrow."""

    query: NDArray[np.int64]
    name: NDArray[np.int64]


class LinkingIndex:
    """An opened index. It may be shared by threads, and is pickled as the path of its folder."""

    def __init__(self, folder: Path, manifest: LinkingManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.concepts = map_table(folder, "concepts")
        self.names = map_table(folder, "names")
        self._keys = {column: map_table(folder, column) for column in KEYED}

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        """Travel to a worker as a path; the worker maps the same pages."""
        return open_linking_index, (self.folder,)

    @property
    def vocabulary_version(self) -> Mapping[str, str]:
        """Version of the names of each entity class."""
        return self.manifest.vocabulary_version

    @property
    def version(self) -> str:
        """Changes with what linking any class depends on, and with nothing else."""
        versions = self.manifest.vocabulary_version
        return digest(*(part for pair in sorted(versions.items()) for part in pair))

    @cached_property
    def first_rows(self) -> NDArray[np.int64]:
        """Of each concept the first row with its CURIE: two ontologies may have the same.

        Shape: (n_concepts,).
        """
        number = self.concepts["number"].to_numpy()
        _, first, which = np.unique(number, return_index=True, return_inverse=True)
        return first[which]

    @cached_property
    def ontology_bits(self) -> NDArray[np.uint64]:
        """The ontologies that name each concept, a bit for each; one for having a species.

        Shape: (n_concepts,).
        """
        place, concept = (self.names[name].to_numpy() for name in ("place", "concept"))
        found = bits_of(place, concept, self.concepts.num_rows)
        has_taxon = compute.not_equal(self.concepts["taxon_id"], "").to_numpy()
        found[has_taxon] |= np.uint64(1) << np.uint64(ONTOLOGY_BITS - 1)
        return found

    def key_columns(self, column: str) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        """Hashes of the names of a column, ascending, and the rows of names that have them."""
        keys = self._keys[column]
        return keys["key"].to_numpy(), keys["name"].to_numpy()

    def find(self, column: str, queries: pa.Array, classes: Sequence[str]) -> Hits:
        """Find the names of a class whose `column` equals a query.

        Args:
            column: folded or normalised.
            queries: Strings, folded or normalised likewise; what is empty is not looked for.
            classes: The entity class of each.
        """
        known = {name: number for number, name in enumerate(self.manifest.classes)}
        wanted = np.fromiter((known.get(name, -1) for name in classes), np.int64, len(classes))
        asked = np.flatnonzero(
            (wanted >= 0) & (compute.binary_length(queries).to_numpy(zero_copy_only=False) > 0)
        )
        keys = name_keys(
            queries.take(pa.array(asked)).to_pylist(), [classes[i] for i in asked.tolist()]
        )

        ordered, names = self.key_columns(column)
        first = np.searchsorted(ordered, keys, side="left")
        counts = np.searchsorted(ordered, keys, side="right") - first
        before = np.cumsum(counts) - counts
        found = np.repeat(first - before, counts) + np.arange(int(counts.sum()))
        name = names[found].astype(np.int64)
        query = np.repeat(asked, counts)

        # A key is a hash: what it found must be looked at.
        rows = pa.array(name)
        equal = compute.equal(
            self.names[column].take(rows).combine_chunks(),
            queries.take(pa.array(query)).cast(pa.large_string()),
        ).to_numpy(zero_copy_only=False)
        equal &= self.names["entity_class"].take(rows).to_numpy() == wanted[query]
        return Hits(query[equal], name[equal])

    def labels_of(self, links: pa.Table) -> list[str]:
        """Preferred names of the concepts of LINKS; empty for one that is not in this index."""
        wanted = compute.unique(links["concept_id"]).cast(self.concepts["concept_id"].type)
        there = self.concepts.filter(compute.is_in(self.concepts["concept_id"], wanted))
        known = {
            (row["concept_id"], row["ontology"]): row["label"]
            for row in there.select(["concept_id", "ontology", "label"]).to_pylist()
        }
        keys = zip(links["concept_id"].to_pylist(), links["ontology"].to_pylist(), strict=True)
        return [known.get(key, "") for key in keys]


def open_linking_index(folder: Path) -> LinkingIndex:
    """Open a compiled folder; nothing is built.

    Raises:
        ArtifactError: there is none, it is broken, or another version made it.
    """
    read = read_manifest(
        Path(folder),
        kind=KIND,
        required={
            "format_version": FORMAT_VERSION,
            "fold_version": FOLD_VERSION,
            "normaliser_version": NORMALISER_VERSION,
        },
    )
    read["classes"] = tuple(read["classes"])
    read["ontologies"] = tuple(read["ontologies"])
    return LinkingIndex(Path(folder), LinkingManifest(**read))


def name_keys(strings: Sequence[str], classes: Sequence[str]) -> NDArray[np.uint32]:
    """CRC-32 of class and string: what the rows of names are found by."""
    seeds = {name: crc32(name.encode() + b"\x1f") for name in set(classes)}
    hashes = (
        crc32(string.encode(), seeds[name]) for string, name in zip(strings, classes, strict=True)
    )
    return np.fromiter(hashes, np.uint32, len(strings))


def bits_of(places: NDArray[np.integer], concepts: NDArray[np.integer], n: int) -> NDArray:
    """The ontologies that name each concept, a bit for each.

    Args:
        places: Of the ontology of each name.
        concepts: Concept of each name.
        n: Concepts.

    >>> bits_of(np.array([0, 2, 1]), np.array([1, 1, 0]), 3).tolist()
    [2, 5, 0]
    """
    found = np.zeros(n, np.uint64)
    bits = np.uint64(1) << np.minimum(places, ONTOLOGY_BITS - 2).astype(np.uint64)
    np.bitwise_or.at(found, concepts, bits)
    return found
