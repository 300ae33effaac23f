"""The rows of a compiled dictionary: from names in scan form to its tables, and back.

Names come in as a data frame with `key`, `form`, `entity_class`, `rule`, `marked`, `lossy` and `n`,
the number of distinct synonyms (ontology, name, class, case rule, context) behind each. `tables`
lays them out in the one order that there is. Patterns that share a key lie together, in every
table, so a part of a dictionary can be taken out and put back key by key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute, in_order
from kazu_platform.ner.dictionary_index import (
    LOSSY,
    DictionaryIndex,
    open_dictionary_index,
    ranges,
)
from kazu_platform.storage.compiled import map_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ORDER = ["key", "form", "entity_class", "rule", "marked", "lossy"]
_COMPARED = ["entity_class", "form", "lossy"]
_PATTERNS = pa.schema({"key": pa.uint32(), "form": pa.large_binary(), "first_name": pa.int32()})
_NAMES = pa.schema(
    {
        "entity_class": pa.int8(),
        "rule": pa.int8(),
        "marked": pa.large_binary(),
        "lossy": pa.large_string(),
    }
)
_COUNTS = pa.schema({"n": pa.int64()})
_COVERED = pa.schema([*list(_PATTERNS)[:2], *_NAMES, *_COUNTS])


@dataclass(frozen=True)
class DictionaryTables:
    """The tables of an index: `counts` stands beside `names`, `covered` holds the other rows."""

    classes: tuple[str, ...]
    patterns: pa.Table
    names: pa.Table
    counts: pa.Table
    covered: pa.Table

    def rows(self, keys: NDArray[np.uint32]) -> pl.DataFrame:
        """All rows under some keys, which are sorted and distinct."""
        covered = _table_rows(self.covered, keys)
        return pl.concat(
            [
                names_under(self.patterns, self.names, self.classes, keys, counts=self.counts),
                _named(pl.DataFrame(self.covered.take(pa.array(covered))), self.classes),
            ]
        ).select(*ORDER, "n")

    def replaced(self, keys: NDArray[np.uint32], part: DictionaryTables) -> DictionaryTables:
        """These tables with everything under some keys taken out, and a part put there instead."""
        classes = tuple(sorted({*self.classes, *part.classes}))
        own, new = (_renumbered(each, classes) for each in (self, part))
        order = _merged(own.patterns, new.patterns, keys)
        sizes = np.concatenate([_sizes(each.patterns, each.names) for each in (own, new)])
        ordered = sizes[order]
        which = ranges((np.cumsum(sizes) - sizes)[order], ordered)
        covered = _merged(own.covered, new.covered, keys)
        patterns = in_order([own.patterns, new.patterns], order)
        first = pa.array((np.cumsum(ordered) - ordered).astype(np.int32))
        whole = DictionaryTables(
            classes=classes,
            patterns=patterns.set_column(2, "first_name", first),
            names=in_order([own.names, new.names], which),
            counts=in_order([own.counts, new.counts], which),
            covered=in_order([own.covered, new.covered], covered),
        )
        there = np.unique(whole.names["entity_class"].to_numpy()).tolist()
        return _renumbered(whole, tuple(classes[number] for number in there))


def open_tables(folder: Path) -> DictionaryTables:
    """Map all tables of a compiled folder.

    Raises:
        ArtifactError: there is none, it is broken, or another version made it.
    """
    index = open_dictionary_index(folder)
    counts, covered = map_table(folder, "counts"), map_table(folder, "covered")
    return DictionaryTables(index.manifest.classes, index.patterns, index.names, counts, covered)


def tables(rows: pl.DataFrame, classes: tuple[str, ...] | None = None) -> DictionaryTables:
    """Lay out distinct rows. Of names of a class and form, one that matches always covers the rest.

    Args:
        rows: In any order.
        classes: Sorted, and all that occur; by default just these.
    """
    if classes is None:
        classes = tuple(sorted(rows["entity_class"].unique().to_list()))
    numbers = pl.col("entity_class").replace_strict(
        classes, range(len(classes)), return_dtype=pl.Int8
    )
    ordered = rows.with_columns(numbers).sort(ORDER).with_row_index("row")
    always = pl.col("rule").is_in([0, LOSSY])
    covering = ordered.filter(always).select(_COMPARED)
    is_covered = np.zeros(ordered.height, np.bool_)
    is_covered[ordered.filter(~always).join(covering, on=_COMPARED, how="semi")["row"]] = True
    names, covered = ordered.filter(~is_covered), ordered.filter(is_covered)
    first = (names["form"] != names["form"].shift(1)).fill_null(value=True).arg_true()
    patterns = names.select("key", "form")[first].with_columns(first_name=first.cast(pl.Int32))
    return DictionaryTables(
        classes=classes,
        patterns=_arrow(patterns, _PATTERNS),
        names=_arrow(names, _NAMES),
        counts=_arrow(names, _COUNTS),
        covered=_arrow(covered, _COVERED),
    )


def names_of(index: DictionaryIndex, keys: NDArray[np.uint32]) -> pl.DataFrame:
    """The names of an index under some keys, which are sorted and distinct."""
    return names_under(index.patterns, index.names, index.manifest.classes, keys)


def names_under(
    patterns: pa.Table,
    names: pa.Table,
    classes: Sequence[str],
    keys: NDArray[np.uint32],
    *,
    counts: pa.Table | None = None,
) -> pl.DataFrame:
    """The names under some keys, which are sorted and distinct, with their classes by name."""
    which = _table_rows(patterns, keys)
    sizes = _sizes(patterns, names)[which]
    found = patterns.select(["key", "form"]).take(pa.array(np.repeat(which, sizes)))
    row = pa.array(ranges(patterns["first_name"].to_numpy()[which].astype(np.int64), sizes))
    for table in [names] if counts is None else [names, counts]:
        for name, column in zip(table.column_names, table.columns, strict=True):
            found = found.append_column(name, column.take(row))
    return _named(pl.DataFrame(found), classes)


def _named(rows: pl.DataFrame, classes: Sequence[str]) -> pl.DataFrame:
    return rows.with_columns(
        pl.Series("entity_class", list(classes), dtype=pl.String).gather(rows["entity_class"])
    )


def _table_rows(table: pa.Table, keys: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Rows of a table ordered by key that are under some keys."""
    own = table["key"].to_numpy()
    first = np.searchsorted(own, keys, side="left")
    return ranges(first, np.searchsorted(own, keys, side="right") - first)


def _sizes(patterns: pa.Table, names: pa.Table) -> NDArray[np.int64]:
    """Number of names of each pattern."""
    first = patterns["first_name"].to_numpy().astype(np.int64)
    return np.diff(first, append=names.num_rows)


def _merged(own: pa.Table, new: pa.Table, keys: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Rows of one table without some keys, and all of another that has only these, by key."""
    stays = np.ones(own.num_rows, np.bool_)
    stays[_table_rows(own, keys)] = False
    kept = np.flatnonzero(stays)
    place = np.searchsorted(own["key"].to_numpy()[kept], new["key"].to_numpy())
    return np.insert(kept, place, own.num_rows + np.arange(new.num_rows))


def _renumbered(each: DictionaryTables, classes: tuple[str, ...]) -> DictionaryTables:
    """The same tables with their classes numbered by others, which hold them all."""
    if each.classes == classes:
        return each
    number = {name: place for place, name in enumerate(classes)}
    numbers = pa.array([number.get(name, 0) for name in each.classes], pa.int8())

    def of(table: pa.Table) -> pa.Table:
        place = table.column_names.index("entity_class")
        column = compute.take(numbers, table["entity_class"])
        return table.set_column(place, table.schema.field(place), column)

    return DictionaryTables(classes, each.patterns, of(each.names), each.counts, of(each.covered))


def _arrow(rows: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    wanted = rows.select(schema.names)
    return wanted.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
