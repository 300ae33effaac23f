"""Compiling the linkable names of all vocabularies to a linking index.

Belongs here: building an index of all names, and bringing one up to date when names of a few
concepts come or go; both give the same bytes. Does not: the layout of the folder, opening and
finding (`index`), what a name means (`exact`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import in_order
from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError
from kazu_platform.linking.index import (
    FORMAT_VERSION,
    KEYED,
    SCOPES,
    LinkingManifest,
    name_keys,
    open_linking_index,
)
from kazu_platform.storage.compiled import hash_columns, write_compiled
from kazu_platform.text.fold import FOLD_VERSION
from kazu_platform.text.fold_column import fold_names
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise_column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COMPILED_COLUMNS = (
    "concept_id",
    "ontology",
    "entity_class",
    "name",
    "scope",
    "normalised",
    "normaliser_version",
    "case_sensitive",
    "linkable",
)
"""Columns of SYNONYMS that an index depends on."""

CONCEPT_COLUMNS = ("concept_id", "ontology", "label", "taxon_id", "obsolete")
"""Columns of CONCEPTS that it depends on."""

_NAMES = {
    "entity_class": pl.String,
    "exact": pl.String,
    "folded": pl.String,
    "normalised": pl.String,
    "scope": pl.Int8,
    "case_sensitive": pl.Boolean,
    "concept": pl.Int32,
    "place": pl.Int16,
    "preferred": pl.Boolean,
}


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
        concepts: CONCEPTS of all ontologies; CONCEPT_COLUMNS are read.
        synonyms: SYNONYMS of all ontologies; COMPILED_COLUMNS are read.
        folder: Where to write; an index that is there is replaced.
        ontologies: Their order, the preferred first; others follow in order of name.
        equivalents: CONCEPT_EQUIVALENTS: who stands for whom.
        preferences: CURATIONS that prefer a concept for a string; those of concepts that are not
            valid are left out.
        built_from: Versions of the ontologies, kept in the manifest.
    """
    known = _known(concepts, ontologies, equivalents)
    names = pl.concat([_names(synonyms, known.named), _preferred(preferences, known.named)])
    classes = sorted(names["entity_class"].unique().to_list())
    keys = {column: _sort_keys(names, column, np.arange(names.height)) for column in KEYED}
    compiled = _Compiled(
        classes, known.ontologies, _concept_rows(known.leaders), _name_rows(names, classes), keys
    )
    return compiled.write(folder, compiled.versions(classes), built_from)


def update_linking_index(  # noqa: PLR0913 - what building needs, and what changed
    old: Path,
    folder: Path,
    *,
    concepts: pa.Table,
    changed: pa.Table,
    synonyms: Callable[[Sequence[str]], pa.Table],
    equivalents: pa.Table | None = None,
    preferences: pa.Table | None = None,
    built_from: Mapping[str, str] | None = None,
) -> LinkingManifest:
    """Write the index that building from the changed synonyms would give, byte for byte.

    Names stand in order of class and concept, so those of a concept are taken out and put in as
    one piece; preferences stand behind them and are always written anew.

    Args:
        old: An index of the same concepts, equivalents and order of ontologies.
        folder: Where to write.
        concepts: As for building, and as then.
        changed: concept_id and ontology of every synonym that is gone, new or other than it was.
        synonyms: Reads the SYNONYMS of some concepts as they are now, of all ontologies.
        equivalents: As for building, and as then.
        preferences: As for building; they may be others than then.
        built_from: Versions of the ontologies, kept in the manifest.

    Raises:
        ArtifactError: there is no index of this version, its concepts are others, or an entity
            class comes or goes; build anew.
    """
    was = open_linking_index(old)
    known = _known(concepts, was.manifest.ontologies, equivalents)
    rows = _concept_rows(known.leaders)
    if not rows.equals(was.concepts) or tuple(known.ontologies) != was.manifest.ontologies:
        raise ArtifactError(f"{old} was built of other concepts; build the linking index anew.")
    about = pl.DataFrame(changed.select(["concept_id", "ontology"]))
    touched = known.named.join(about, on=["concept_id", "ontology"], how="semi")["concept"].unique()
    members = known.named.filter(pl.col("concept").is_in(touched.implode()))
    names = _names(synonyms(members["concept_id"].unique().sort().to_list()), members)
    tail = _preferred(preferences, known.named)
    classes = list(was.manifest.classes)
    if strange := set(names["entity_class"]).union(tail["entity_class"]).difference(classes):
        raise ArtifactError(f"{old} knows no {', '.join(sorted(strange))}; build it anew.")
    before = _Compiled(
        classes,
        known.ontologies,
        was.concepts,
        was.names,
        {column: _joined(*was.key_columns(column)) for column in KEYED},
    )
    compiled, stirred = before.spliced(touched.to_numpy(), names, tail)
    if len(compiled.counts) < len(classes):
        raise ArtifactError(f"{old} has a class that no name is left of; build it anew.")
    versions = dict(was.vocabulary_version) | compiled.versions(stirred)
    return compiled.write(folder, versions, built_from)


def changed_names(before: pa.Table, after: pa.Table) -> pa.Table:
    """Concepts (concept_id, ontology) with a linkable name that is gone, new or other than it was.

    Args:
        before: SYNONYMS of some ontologies; COMPILED_COLUMNS.
        after: The same ontologies' as they are now.
    """
    columns = list(COMPILED_COLUMNS)
    old, new = (pl.DataFrame(rows.select(columns)).filter("linkable") for rows in (before, after))
    differ = pl.concat(
        [
            one.join(other, on=columns, how="anti").select("concept_id", "ontology")
            for one, other in ((old, new), (new, old))
        ]
    )
    return differ.unique().sort("concept_id").to_arrow(compat_level=pl.CompatLevel.oldest())


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of concepts.

    `leaders` may be linked to, with their `row` and `number`; `named` says by whom each concept
    goes: concept_id, ontology, place, and the leader as concept (its row) and leader_id.
    """

    ontologies: list[str]
    leaders: pl.DataFrame
    named: pl.DataFrame


@dataclass(frozen=True)
class _Compiled:
    """The tables of an index; `keys` are CRC-32 and row of names in one number, ascending."""

    classes: list[str]
    ontologies: list[str]
    concepts: pa.Table
    names: pa.Table
    keys: Mapping[str, NDArray[np.uint64]]

    @property
    def counts(self) -> dict[str, int]:
        """Names of each class that has any."""
        numbers, counts = np.unique(self.names["entity_class"].to_numpy(), return_counts=True)
        pairs = zip(numbers.tolist(), counts.tolist(), strict=True)
        return {self.classes[number]: count for number, count in pairs}

    def spliced(
        self, touched: NDArray[np.int32], fresh: pl.DataFrame, tail: pl.DataFrame
    ) -> tuple[_Compiled, list[str]]:
        """Replace the names of the touched concepts, and the preferences; name changed classes.

        Args:
            touched: rows of concepts, all of whose names are replaced.
            fresh: their names now.
            tail: all preferences.
        """
        n_before, entity_class = self.names.num_rows, self.names["entity_class"].to_numpy()
        concept = self.names["concept"].to_numpy()
        gone = self.names["preferred"].to_numpy() | np.isin(concept, touched)
        kept = np.flatnonzero(~gone)
        added = pl.concat([fresh, tail])
        rows = _name_rows(added, self.classes)
        piece = entity_class.astype(np.int64) * self.concepts.num_rows + concept
        own = rows["entity_class"].to_numpy().astype(np.int64) * self.concepts.num_rows
        own = (own + rows["concept"].to_numpy())[: fresh.height]
        new = n_before + np.arange(added.height)
        at = np.searchsorted(piece[kept], own, side="right")
        order = np.concatenate([np.insert(kept, at, new[: fresh.height]), new[fresh.height :]])
        names = in_order([self.names, rows], order)

        place = np.full(n_before + added.height, -1)
        place[order] = np.arange(len(order))
        keys = {
            column: _moved(before, place, _sort_keys(added, column, place[n_before:]))
            for column, before in self.keys.items()
        }
        stirred = np.union1d(entity_class[gone], rows["entity_class"].to_numpy())
        changed = [self.classes[number] for number in stirred.tolist()]
        return _Compiled(self.classes, self.ontologies, self.concepts, names, keys), changed

    def versions(self, classes: Iterable[str]) -> dict[str, str]:
        """Hash everything that linking a class depends on, the order of its ontologies too."""
        return {name: self._version(name) for name in classes}

    def _version(self, entity_class: str) -> str:
        number = self.classes.index(entity_class)
        rows = np.flatnonzero(self.names["entity_class"].to_numpy() == number)
        names = self.names.take(pa.array(rows)).combine_chunks()
        places, place = np.unique(names["place"].to_numpy(), return_inverse=True)
        leaders = self.concepts.take(names["concept"].combine_chunks())
        columns = ("exact", "normalised", "scope", "case_sensitive", "preferred")
        content = hash_columns(
            [
                leaders["concept_id"],
                leaders["ontology"],
                pa.array(place.astype(np.int16)),
                *(names[column] for column in columns),
            ]
        )
        order = [self.ontologies[index] for index in places.tolist()]
        return digest(entity_class, FOLD_VERSION, NORMALISER_VERSION, *order, content)

    def write(
        self, folder: Path, versions: Mapping[str, str], built_from: Mapping[str, str] | None
    ) -> LinkingManifest:
        """Write the folder; one that is there is replaced."""
        counts = self.counts
        manifest = LinkingManifest(
            format_version=FORMAT_VERSION,
            fold_version=FOLD_VERSION,
            normaliser_version=NORMALISER_VERSION,
            classes=tuple(self.classes),
            ontologies=tuple(self.ontologies),
            concepts=self.concepts.num_rows,
            names=self.names.num_rows,
            names_per_class={name: counts[name] for name in self.classes},
            vocabulary_version={name: versions[name] for name in self.classes},
            built_from=dict(built_from or {}),
        )
        tables = {"concepts": self.concepts, "names": self.names}
        for column, both in self.keys.items():
            key, name = _parted(both)
            tables[column] = pa.table({"key": key, "name": name})
        write_compiled(folder, tables, asdict(manifest))
        return manifest


def _known(concepts: pa.Table, ontologies: Sequence[str], equivalents: pa.Table | None) -> _Known:
    valid, order = _valid_concepts(concepts, ontologies)
    return _Known(order, *_leaders(valid, equivalents))


def _valid_concepts(
    concepts: pa.Table, ontologies: Sequence[str]
) -> tuple[pl.DataFrame, list[str]]:
    """Concepts in the order that decides, with the place of their ontology; and that order."""
    frame = pl.DataFrame(concepts.select(list(CONCEPT_COLUMNS)))
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
    """Leaders, and by whom each concept goes, as in `_Known`.

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
    """Distinct names of leaders, each in its best scope, in order of class, concept and name."""
    rank = {name: index for index, name in enumerate(SCOPES)}
    names = (
        pl.DataFrame(synonyms.select(list(COMPILED_COLUMNS)))
        .filter("linkable")
        .join(named, on=["concept_id", "ontology"])
        .with_columns(pl.col("scope").replace_strict(rank, return_dtype=pl.Int8))
    )
    names = _normalised_now(names)
    by_rank = ("scope", "place", "case_sensitive", "normalised", "concept_id")
    return (
        names.with_columns(
            exact=fold_names(names["name"], keep_case=True),
            folded=fold_names(names["name"]),
            preferred=pl.lit(value=False),
        )
        .filter(pl.col("exact") != "")
        .sort("entity_class", "concept", "exact", *by_rank)
        .unique(["entity_class", "concept", "exact"], keep="first", maintain_order=True)
        .select(pl.col(name).cast(kind) for name, kind in _NAMES.items())
    )


def _preferred(preferences: pa.Table | None, named: pl.DataFrame) -> pl.DataFrame:
    """A name of its own for each preference, that of the first ontology which has the concept."""
    if preferences is None:
        return pl.DataFrame(schema=_NAMES)
    frame = pl.DataFrame(preferences)
    return (
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
        .select(pl.col(name).cast(kind) for name, kind in _NAMES.items())
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


def _concept_rows(leaders: pl.DataFrame) -> pa.Table:
    return _to_arrow(
        leaders.select(
            "concept_id", "ontology", "label", "number", pl.col("taxon_id").fill_null("")
        )
    )


def _name_rows(names: pl.DataFrame, classes: Sequence[str]) -> pa.Table:
    number = pl.col("entity_class").replace_strict(
        list(classes), list(range(len(classes))), return_dtype=pl.Int8
    )
    return _to_arrow(names.with_columns(number))


def _sort_keys(names: pl.DataFrame, column: str, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """CRC-32 and row of each name in one number, ascending."""
    keys = name_keys(names[column].to_list(), names["entity_class"].to_list())
    return np.sort(_joined(keys, rows))


def _moved(
    keys: NDArray[np.uint64], place: NDArray[np.int64], added: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Keys whose rows have another place now, or none (-1), together with added ones."""
    key, row = _parted(keys)
    stays = place[row] >= 0
    kept = _joined(key[stays], place[row][stays])
    return np.insert(kept, np.searchsorted(kept, added), added)


def _joined(key: NDArray[np.uint32], row: NDArray[np.integer]) -> NDArray[np.uint64]:
    return (key.astype(np.uint64) << np.uint64(32)) | row.astype(np.uint64)


def _parted(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    return (keys >> np.uint64(32)).astype(np.uint32), keys.astype(np.uint32).astype(np.int32)


def _to_arrow(frame: pl.DataFrame) -> pa.Table:
    """Make an Arrow table with plain (not view) strings, in one chunk."""
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.combine_chunks()
