"""What people linked strings to, in text with marked concepts: a ranker's memory.

Strings are kept as hashes of class and normalised form, with the concepts and how often; so it says
how to read a string that one comes with, and cannot be read itself. A concept is kept as the
vocabularies of the training named it (`concept_id`) and as the text did (`marked_id`): the first of
the two that an index knows is meant.

A string that was a name of the concept (`is_name`) and no longer is one counts for nothing:
somebody took the name away.

`LEARNT` has a row for each class and string, concept and part: the part is a fold of the documents,
so that training need not see what it is asked. `times` counts the mentions whose string or long
form it is; `mentions` those whose string it is, so that over all strings a mention counts once for
each concept that it means.

`STRINGS` has the vectors of strings, as the encoder beside them makes them, of classes whose names
have any: what a string means is also told by what others like it do ("familial breast cancers"). A
vector says what its string is like to whoever has the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.documents import digest
from kazu_platform.errors import ArtifactError
from kazu_platform.linking.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kazu_platform.linking.index import LinkingIndex

LEARNT: Final = pa.schema(
    [
        pa.field("string", pa.uint64()),
        pa.field("concept_id", pa.string()),
        pa.field("marked_id", pa.string()),
        pa.field("times", pa.int32()),
        pa.field("mentions", pa.int32()),
        pa.field("part", pa.int8()),
        pa.field("is_name", pa.bool_()),
    ]
)
STRINGS: Final = pa.schema(
    [
        pa.field("string", pa.uint64()),
        pa.field("entity_class", pa.string()),
        pa.field("value", pa.binary()),
        pa.field("scale", pa.float32()),
    ]
)
FILE: Final = "learnt.parquet"
STRINGS_FILE: Final = "learnt_strings.parquet"
MOST_STRINGS: Final = 8
LEAST_ALIKE: Final = 0.6
"""Cosine of vectors below which a string says nothing of another one."""
_ID: Final = "id"


def string_key(string: str, entity_class: str) -> int:
    """The hash that a normalised string of a class goes by.

    >>> string_key("tnf alpha", "gene") == string_key("tnf alpha", "chemical")
    False
    """
    key = f"{entity_class}\x1f{string}".encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Memory:
    """What a linking model remembers, as it is kept.

    Attributes:
        learnt: LEARNT.
        strings: STRINGS.
    """

    learnt: pa.Table
    strings: pa.Table = field(default_factory=STRINGS.empty_table)

    def write(self, folder: Path) -> None:
        """Write `learnt.parquet` and `learnt_strings.parquet`."""
        from pyarrow import parquet

        for name, table, schema in self._files():
            parquet.write_table(table.cast(schema), folder / name, compression="zstd")

    def _files(self) -> tuple[tuple[str, pa.Table, pa.Schema], ...]:
        return (FILE, self.learnt, LEARNT), (STRINGS_FILE, self.strings, STRINGS)


def read_memory(folder: Path) -> tuple[Memory, str]:
    """Read what a linking model remembers, and a version of it.

    Raises:
        ArtifactError: a file is missing or broken.
    """
    files = ((FILE, LEARNT), (STRINGS_FILE, STRINGS))
    (learnt, one), (strings, other) = (_read(folder / name, schema) for name, schema in files)
    return Memory(learnt, strings), digest(one, other)


def _read(path: Path, schema: pa.Schema) -> tuple[pa.Table, str]:
    from pyarrow import parquet

    try:
        content = path.read_bytes()
        table = parquet.read_table(pa.BufferReader(content)).cast(schema)
    except FileNotFoundError:
        raise ArtifactError(f"{path} is missing; train the linking model, or copy it.") from None
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}; copy it again.") from None
    return table, blake2b(content, digest_size=12).hexdigest()


@dataclass(frozen=True)
class Learnt:
    """A memory in the terms of an index.

    `rows` has string, concept (its row), part, times, mentions and is_name; `strings` are STRINGS,
    `concept_ids` those of the index.
    """

    rows: pl.DataFrame
    strings: pa.Table
    concept_ids: pa.ChunkedArray = field(default_factory=lambda: pa.chunked_array([], pa.string()))

    @classmethod
    def of_index(cls, memory: Memory, index: LinkingIndex) -> Learnt:
        """Find the concepts in an index; what it does not know is left out."""
        frame = pl.DataFrame(memory.learnt).with_row_index("row")
        wanted = pl.concat([frame["concept_id"], frame["marked_id"]]).unique()
        ids = pl.Series(index.concepts["concept_id"].combine_chunks()).cast(pl.String)
        known = (
            pl.DataFrame({_ID: ids})
            .with_row_index("concept")
            .with_columns(pl.col("concept").cast(pl.Int64))
            .filter(pl.col(_ID).is_in(wanted.implode()))
            .unique(_ID, keep="first", maintain_order=True)
        )
        found = frame.join(known, left_on="concept_id", right_on=_ID, how="left").join(
            known.rename({"concept": "marked"}), left_on="marked_id", right_on=_ID, how="left"
        )
        return cls(
            found.with_columns(concept=pl.coalesce("concept", "marked"))
            .drop_nulls("concept")
            .group_by("string", "concept", "part")
            .agg(pl.col("times", "mentions").sum(), pl.col("is_name").any())
            .sort("string", "concept", "part"),
            memory.strings,
            index.concepts["concept_id"],
        )

    def strings_of(self, concepts: Collection[str]) -> frozenset[int]:
        """Hashes of the strings that were linked to any of some concepts (ids)."""
        ids = pl.Series(self.concept_ids).cast(pl.String).gather(self.rows["concept"])
        wanted = pl.Series(sorted(concepts), dtype=pl.String)
        return frozenset(self.rows["string"].filter(ids.is_in(wanted.implode())).to_list())

    @cached_property
    def _vectors(self) -> dict[str, tuple[NDArray[np.uint64], NDArray[np.int8], NDArray]]:
        """Of each class strings, bytes of their vectors and what these are times."""
        found: dict[str, tuple[NDArray[np.uint64], NDArray[np.int8], NDArray]] = {}
        for (name,), part in pl.DataFrame(self.strings).group_by("entity_class"):
            values = np.frombuffer(b"".join(part["value"].to_list()), np.int8)
            found[str(name)] = (
                part["string"].to_numpy(),
                values.reshape(part.height, -1),
                part["scale"].to_numpy(),
            )
        return found

    def alike(  # noqa: PLR0913, PLR0917 - strings, whose they are, and how to look
        self,
        entity_class: str,
        asked: pl.DataFrame,
        strings: Sequence[str],
        vectors: NDArray[np.float32],
        folds: NDArray[np.int64] | None,
        threads: int = 1,
    ) -> pl.DataFrame:
        """What strings like some, but none of a surface's own, were linked to.

        Args:
            entity_class: Of all of them.
            asked: surface, and query, the row of its string; of each string that a surface has.
            strings: Normalised.
            vectors: Of the strings.
            folds: Part that each surface must not see.
            threads: To look for them with.

        Returns:
            surface, concept, and near_learnt: how alike a string is, times the concept's share of
            what it was linked to; of the string of which this is most among the likest
            MOST_STRINGS of a surface.
        """
        schema = {"surface": pl.Int64, "concept": pl.Int64, "near_learnt": pl.Float32}
        if entity_class not in self._vectors:
            return pl.DataFrame(schema=schema)
        keys, values, scale = self._vectors[entity_class]
        # Some of the nearest are a surface's own or of its part, and do not count. Of the others
        # the likest MOST_STRINGS do, if there are so many among these.
        query, row = nearest(
            vectors, values, scale, most=2 * MOST_STRINGS, least=LEAST_ALIKE, threads=threads
        )
        cosine = np.einsum("ij,ij->i", vectors[query], values[row].astype(np.float32)) * scale[row]
        like = pl.DataFrame({"query": query, "string": keys[row], "cosine": cosine})
        own = pl.Series([string_key(each, entity_class) for each in strings], dtype=pl.UInt64)
        found = (
            asked.select("surface", "query")
            .join(like, on="query")
            .join(
                asked.select("surface", string=own.gather(asked["query"])),
                on=["surface", "string"],
                how="anti",
            )
            .join(self.rows, on="string")
        )
        if folds is not None:
            found = found.filter(pl.Series(folds[found["surface"]]) != pl.col("part"))
        counted = (
            found.group_by("surface", "string", "concept")
            .agg(pl.col("times").sum(), pl.col("cosine").max())
            .with_columns(place=_place_of_string())
            .filter(pl.col("place") <= MOST_STRINGS)
        )
        share = pl.col("times") / pl.col("times").sum().over("surface", "string")
        return (
            counted.with_columns(near_learnt=(share * pl.col("cosine")).cast(pl.Float32))
            .group_by("surface", "concept")
            .agg(pl.col("near_learnt").max())
            .select(list(schema))
        )

    @cached_property
    def _by_string(self) -> tuple[NDArray[np.uint64], pl.DataFrame]:
        return self.rows["string"].unique().sort().to_numpy(), self.rows

    def of(
        self,
        strings: Sequence[str],
        classes: Sequence[str],
        rows: NDArray[np.int64],
        folds: NDArray[np.int64] | None,
    ) -> pl.DataFrame:
        """What some surfaces were linked to.

        Args:
            strings: Normalised strings of all surfaces.
            classes: Their classes.
            rows: Surfaces to look up.
            folds: Part that each surface must not see.

        Returns:
            surface, concept, times, was_name, and times_all: of the string whatever it was linked
            to.
        """
        own: list[int] = rows.tolist()
        keys = np.array([string_key(strings[row], classes[row]) for row in own], np.uint64)
        known, learnt = self._by_string
        place = np.minimum(np.searchsorted(known, keys), max(0, len(known) - 1))
        is_known = known[place] == keys if len(known) else np.zeros(len(keys), np.bool_)
        asked = pl.DataFrame({"surface": rows[is_known], "string": keys[is_known]})
        if folds is not None:
            asked = asked.with_columns(fold=pl.Series(folds[rows[is_known]]))
        found = asked.join(learnt, on="string")
        if folds is not None:
            found = found.filter(pl.col("fold") != pl.col("part"))
        counted = found.group_by("surface", "concept").agg(
            pl.col("times").sum().cast(pl.Float32), was_name=pl.col("is_name").any()
        )
        return counted.with_columns(times_all=pl.col("times").sum().over("surface"))

    def popularity(self, concepts: NDArray[np.int64], folds: NDArray[np.int64] | None) -> pl.Series:
        """Logarithm of one and how many mentions each concept had, by any string."""
        counts = self.rows.group_by("concept", "part").agg(times=pl.col("mentions").sum())
        asked = pl.DataFrame({"concept": concepts})
        every = counts.group_by("concept").agg(pl.col("times").sum())
        times = asked.join(every, on="concept", how="left", maintain_order="left")["times"]
        times = times.fill_null(0)
        if folds is not None:
            own = (
                asked.with_columns(part=pl.Series(folds).cast(pl.Int8))
                .join(counts, on=["concept", "part"], how="left", maintain_order="left")["times"]
                .fill_null(0)
            )
            times = times - own
        return times.cast(pl.Float32).log1p()


def _place_of_string() -> pl.Expr:
    """Of each string of a surface its place from 1 among those that are like the surface's own."""
    likest = pl.struct(pl.col("cosine") * -1, pl.col("string"))
    return likest.rank("dense").over("surface")
