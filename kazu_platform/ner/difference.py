"""The difference of two dictionary indices: which names a changed vocabulary touches.

A form of a class matches by its names of that class alone: their rules, cases and characters, and
the head words that the class has behind it. So where these are the same in two indices, both find
the same, and only the other forms have to be looked for again (see `rematch`).

Both indices are in one order, key by key. Groups of as many names under a key are compared row
by row where they lie; only groups that differ become data frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.ner.dictionary_index import DictionaryIndex, ranges
from kazu_platform.ner.names import keys_of
from kazu_platform.ner.rows import DictionaryTables, names_of, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FORM = ["entity_class", "form"]
_NAME = [*FORM, "rule", "marked", "lossy"]


@dataclass(frozen=True)
class Touched:
    """Distinct forms (`entity_class`, `form`) whose names an index has and another has not."""

    forms: pl.DataFrame

    def __len__(self) -> int:
        """How many forms are touched."""
        return self.forms.height


def touched_names(old: DictionaryIndex, new: DictionaryIndex) -> Touched:
    """Find the forms of which two indices do not have the same names."""
    if old.manifest.content_hash == new.manifest.content_hash:
        return Touched(pl.DataFrame(schema={"entity_class": pl.String, "form": pl.Binary}))
    keys = _changed_keys(old, new)
    before, after = (names_of(index, keys).select(_NAME) for index in (old, new))
    lost = before.join(after, on=_NAME, how="anti")
    gained = after.join(before, on=_NAME, how="anti")
    return Touched(pl.concat([lost, gained]).select(FORM).unique().sort(FORM))


def index_of(touched: Touched, index: DictionaryIndex) -> DictionaryIndex:
    """The names of an index that are touched, as an index of the same version."""
    names = names_of(index, np.unique(keys_of(touched.forms["form"])))
    wanted = names.join(touched.forms, on=FORM, how="semi").with_columns(n=pl.lit(1, pl.Int64))
    few: DictionaryTables = tables(wanted, index.manifest.classes)
    return DictionaryIndex(index.manifest, few.patterns, few.names)


def _changed_keys(old: DictionaryIndex, new: DictionaryIndex) -> NDArray[np.uint32]:
    """Keys under which two indices may have other names, sorted."""
    (keys, first, sizes), (other_keys, other_first, other_sizes) = map(_groups, (old, new))
    both, here, there = np.intersect1d(keys, other_keys, assume_unique=True, return_indices=True)
    as_many = sizes[here] == other_sizes[there]
    both, here, there = both[as_many], here[as_many], there[as_many]
    counts = sizes[here]
    own, others = ranges(first[here], counts), ranges(other_first[there], counts)
    classes = sorted({*old.manifest.classes, *new.manifest.classes})
    alike = np.ones(len(own), np.bool_)
    for mine, theirs in zip(
        _columns(old, own, classes), _columns(new, others, classes), strict=True
    ):
        alike &= compute.equal(mine, theirs).to_numpy(zero_copy_only=False)
    differs = np.unique(np.repeat(np.arange(len(both)), counts)[~alike])
    same = np.delete(both, differs)
    return np.setdiff1d(np.union1d(keys, other_keys), same, assume_unique=True)


def _groups(
    index: DictionaryIndex,
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Each key with its first name and their number."""
    begins = np.flatnonzero(np.diff(index.keys, prepend=0) != 0)
    if len(index.keys) and index.keys[0] == 0:
        begins = np.concatenate(([0], begins))
    first = index.first_names[begins].astype(np.int64)
    return index.keys[begins], first, np.diff(first, append=index.names.num_rows)


def _columns(
    index: DictionaryIndex, rows: NDArray[np.int64], classes: Sequence[str]
) -> list[pa.Array]:
    """What a name is, column by column, with its class as a number among some."""
    number = np.array([classes.index(name) for name in index.manifest.classes], np.int8)
    which = pa.array(rows)
    pattern = np.repeat(np.arange(len(index.keys)), np.diff(index.first_names.astype(np.int64)))
    return [
        pa.array(number[index.entity_classes[rows]]),
        pa.array(index.rules[rows]),
        index.forms.take(pa.array(pattern[rows])),
        index.marked.take(which),
        index.lossy.take(which),
    ]
