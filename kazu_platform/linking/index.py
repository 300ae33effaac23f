"""The linking index: every name of every valid concept, found by hash, compiled to a folder.

A folder holds `manifest.json` and Arrow files that are mapped into memory:

concepts.arrow    concept_id, ontology, label, number (equal for equal concept_id), in order of
                  ontologies and then of concept_id: the last thing that decides between two;
                  a concept that another one stands for is not among them
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

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.storage.compiled import (
    hash_columns,
    map_table,
    read_manifest,
    write_compiled,
)
from kazu_platform.text.fold import FOLD_VERSION
from kazu_platform.text.fold_column import fold_names
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

KIND = "linking index"
FORMAT_VERSION = 2
SCOPES = ("label", "exact", "abbreviation", "narrow", "broad", "related")
"""Scopes of a synonym, best first."""

_NAMES = (
    "entity_class",
    "exact",
    "folded",
    "normalised",
    "scope",
    "case_sensitive",
    "concept",
    "place",
    "preferred",
)


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
        self._keys = {column: map_table(folder, column) for column in ("folded", "normalised")}

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
        keys = _keys(
            queries.take(pa.array(asked)).to_pylist(), [classes[i] for i in asked.tolist()]
        )

        ordered = self._keys[column]["key"].to_numpy()
        first = np.searchsorted(ordered, keys, side="left")
        counts = np.searchsorted(ordered, keys, side="right") - first
        before = np.cumsum(counts) - counts
        found = np.repeat(first - before, counts) + np.arange(int(counts.sum()))
        name = self._keys[column]["name"].to_numpy()[found].astype(np.int64)
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


def build_linking_index(  # noqa: PLR0913 - three tables and what must be known beside them
    concepts: pa.Table,
    synonyms: pa.Table,
    folder: Path,
    *,
    ontologies: Sequence[str] = (),
    equivalents: pa.Table | None = None,
    preferences: pa.Table | None = None,
    built_from: Mapping[str, str] | None = None,
) -> LinkingManifest:
    """Compile the linkable names of valid concepts and write them as a folder.

    Obsolete concepts and synonyms of unknown concepts are left out. A name of a concept that
    another one stands for is a name of that one, so that a thing has one identifier. Of equal names
    of a concept the one of the best scope stays, then that of the preferred ontology. Names that
    another normaliser version made are normalised again.

    Args:
        concepts: CONCEPTS of all ontologies.
        synonyms: SYNONYMS of all ontologies.
        folder: Where to write; an index that is there is replaced.
        ontologies: Their order, the preferred first; others follow in order of name.
        equivalents: CONCEPT_EQUIVALENTS: who stands for whom.
        preferences: CURATIONS that prefer a concept for a string; those of concepts that are not
            valid are left out.
        built_from: Versions of the ontologies, kept in the manifest.
    """
    valid, order = _valid_concepts(concepts, ontologies)
    leaders, named = _leaders(valid, equivalents)
    names = _names(synonyms, named)
    if preferences is not None:
        names = pl.concat([names, _preferred(preferences, named, names)])
    classes = sorted(names["entity_class"].unique().to_list())
    counts = dict(names.group_by("entity_class").len().iter_rows())
    manifest = LinkingManifest(
        format_version=FORMAT_VERSION,
        fold_version=FOLD_VERSION,
        normaliser_version=NORMALISER_VERSION,
        classes=tuple(classes),
        ontologies=tuple(order),
        concepts=leaders.height,
        names=names.height,
        names_per_class={name: counts[name] for name in classes},
        vocabulary_version={name: _version(names, name) for name in classes},
        built_from=dict(built_from or {}),
    )
    number = {name: index for index, name in enumerate(classes)}
    tables = {
        "concepts": leaders.select("concept_id", "ontology", "label", "number"),
        "names": names.with_columns(
            pl.col("entity_class").replace_strict(number, return_dtype=pl.Int8)
        ).select(_NAMES),
        "folded": _key_order(names, "folded"),
        "normalised": _key_order(names, "normalised"),
    }
    arrow = {name: _to_arrow(table) for name, table in tables.items()}
    write_compiled(folder, arrow, asdict(manifest))
    return manifest


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


def _valid_concepts(
    concepts: pa.Table, ontologies: Sequence[str]
) -> tuple[pl.DataFrame, list[str]]:
    """Concepts in the order that decides, with the place of their ontology; and that order."""
    frame = pl.DataFrame(concepts.select(["concept_id", "ontology", "label", "obsolete"]))
    present = set(frame["ontology"].unique().to_list())
    order = [name for name in dict.fromkeys(ontologies) if name in present]
    order += sorted(present.difference(order))
    place = {name: index for index, name in enumerate(order)}
    valid = (
        frame.filter(~pl.col("obsolete"))
        .unique(["concept_id", "ontology"], keep="first", maintain_order=True)
        .with_columns(place=pl.col("ontology").replace_strict(place, return_dtype=pl.Int16))
        .sort("place", "concept_id")
    )
    return valid, order


def _leaders(
    valid: pl.DataFrame, equivalents: pa.Table | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Concepts that links may lead to, with `row` and `number`; and whom each concept goes by.

    The second has concept_id, ontology, place, and the leader as concept (its row) and leader_id.
    An equivalent whose leader is not among the concepts is not believed: it was made of others.
    """
    columns = ["concept_id", "ontology", "leader_id", "leader_ontology"]
    led = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    if equivalents is not None:
        ids = valid.select(leader_id="concept_id", leader_ontology="ontology")
        led = (
            pl.DataFrame(equivalents.select(columns))
            .drop_nulls("leader_id")
            .join(ids, on=["leader_id", "leader_ontology"], how="semi")
        )
    leaders = (
        valid.join(led, on=["concept_id", "ontology"], how="anti", maintain_order="left")
        .with_columns(number=(pl.col("concept_id").rank("dense") - 1).cast(pl.Int32))
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int32))
    )
    rows = leaders.select(leader_id="concept_id", leader_ontology="ontology", concept="row")
    named = (
        valid.join(led, on=["concept_id", "ontology"], how="left")
        .with_columns(
            leader_id=pl.coalesce("leader_id", "concept_id"),
            leader_ontology=pl.coalesce("leader_ontology", "ontology"),
        )
        .join(rows, on=["leader_id", "leader_ontology"])
        .select("concept_id", "ontology", "place", "concept", "leader_id")
    )
    return leaders, named


def _names(synonyms: pa.Table, named: pl.DataFrame) -> pl.DataFrame:
    """Distinct names of leaders, each in its best scope, in a fixed order."""
    rank = {name: index for index, name in enumerate(SCOPES)}
    names = (
        pl.DataFrame(synonyms)
        .filter("linkable")
        .join(named, on=["concept_id", "ontology"])
        .with_columns(pl.col("scope").replace_strict(rank, return_dtype=pl.Int8))
    )
    names = _normalised_now(names)
    by_rank = ("scope", "place", "case_sensitive", "normalised", "concept_id")
    return (
        names.with_columns(
            exact=fold_names(names["name"], keep_case=True), folded=fold_names(names["name"])
        )
        .filter(pl.col("exact") != "")
        .sort("entity_class", "concept", "exact", *by_rank)
        .unique(["entity_class", "concept", "exact"], keep="first", maintain_order=True)
        .with_columns(preferred=pl.lit(value=False))
    )


def _preferred(preferences: pa.Table, named: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """A name of its own for each preference, that of the first ontology which has the concept."""
    frame = pl.DataFrame(preferences)
    rows = (
        frame.drop("ontology", "place")
        .with_columns(
            of_ontology=pl.Series(frame["ontology"]),
            exact=fold_names(frame["name"], keep_case=True),
            folded=fold_names(frame["name"]),
            normalised=pl.lit(""),
            scope=pl.lit(0, pl.Int8),
            case_sensitive=pl.col("case_sensitive").fill_null(value=False),
            preferred=pl.lit(value=True),
        )
        .join(named, on="concept_id")
        .filter(pl.coalesce("of_ontology", "ontology") == pl.col("ontology"))
        .sort("curation_id", "place")
        .unique("curation_id", keep="first", maintain_order=True)
    )
    absent = [
        pl.lit(None, names.schema[c]).alias(c) for c in names.columns if c not in rows.columns
    ]
    return rows.with_columns(absent).select(
        pl.col(name).cast(kind) for name, kind in names.schema.items()
    )


def _normalised_now(names: pl.DataFrame) -> pl.DataFrame:
    """Names with this version's normalised form; those of another version are made again."""
    current = pl.col("normaliser_version") == NORMALISER_VERSION
    old = names.filter(~current)
    again = [
        part.with_columns(normalised=pl.Series(normalise_column(part["name"], name)))
        for (name,), part in old.group_by("entity_class")
        if isinstance(name, str)
    ]
    return pl.concat([names.filter(current), *again])


def _version(names: pl.DataFrame, entity_class: str) -> str:
    """Hash of everything that linking a class depends on, the order of its ontologies too."""
    of_class = names.filter(pl.col("entity_class") == entity_class)
    order = of_class.sort("place")["ontology"].unique(maintain_order=True).to_list()
    rows = of_class.sort("leader_id", "ontology", "exact", "preferred")
    columns = (
        "leader_id",
        "ontology",
        "exact",
        "normalised",
        "scope",
        "case_sensitive",
        "preferred",
    )
    content = hash_columns(_to_arrow(rows.select(columns)).columns)
    return digest(entity_class, FOLD_VERSION, NORMALISER_VERSION, *order, content)


def _key_order(names: pl.DataFrame, column: str) -> pl.DataFrame:
    keys = _keys(names[column].to_list(), names["entity_class"].to_list())
    order = np.argsort(keys, kind="stable")
    return pl.DataFrame({"key": keys[order], "name": order.astype(np.int32)})


def _keys(strings: Sequence[str], classes: Sequence[str]) -> NDArray[np.uint32]:
    """CRC-32 of class and string."""
    seeds = {name: crc32(name.encode() + b"\x1f") for name in set(classes)}
    hashes = (
        crc32(string.encode(), seeds[name]) for string, name in zip(strings, classes, strict=True)
    )
    return np.fromiter(hashes, np.uint32, len(strings))


def _to_arrow(frame: pl.DataFrame) -> pa.Table:
    """Make an Arrow table with plain (not view) strings, in one chunk."""
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.combine_chunks()
