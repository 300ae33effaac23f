"""The dictionary index: every active name in scan form, compiled to a folder.

A folder holds `manifest.json` and two Arrow files that are mapped into memory:

patterns.arrow  one row for each distinct scan form, ordered by `key`
    key         CRC-32 of its rarest token
    form        the scan form (see `scan`)
    first_name  row of its first name in names.arrow
names.arrow     what a form stands for, ordered by pattern
    entity_class  index into the manifest's `classes`
    rule        0: the form says it all; 1: must equal `name` folded; 2: in its case
    name        what rule 1 or 2 compares, else empty

An Aho-Corasick automaton cannot be stored and takes seconds to build. A name can only occur in
a text that has its rarest token, so for a short text a small automaton of just those names is
built. For much text the whole one is built, once; both find the same.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import pyarrow as pa
from ahocorasick_rs import BytesAhoCorasick

from kazu_platform.arrow import compute
from kazu_platform.ner.scan import BLANK, FIRST_LOSSY, scan_names
from kazu_platform.storage.compiled import (
    hash_columns,
    map_table,
    read_manifest,
    write_compiled,
)
from kazu_platform.text.fold import FOLD_VERSION, fold, fold_name, is_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

KIND = "dictionary index"
FORMAT_VERSION = 1
AS_SCANNED, AS_FOLDED, IN_ITS_CASE = 0, 1, 2
SMALL_FORM_BYTES = 200_000
"""Text up to this size is matched by an automaton of its own ..."""
SMALL_BUDGET_BYTES = 4_000_000
"""... until this much was: building small ones then has cost about as much as the whole one."""


@dataclass(frozen=True, slots=True)
class DictionaryManifest:
    """What a dictionary index holds, and of what it was made."""

    format_version: int
    fold_version: str
    classes: tuple[str, ...]
    patterns: int
    names_per_class: Mapping[str, int]
    content_hash: str
    built_from: Mapping[str, str] = field(default_factory=dict)


class DictionaryIndex:
    """An opened index. It may be shared by threads, and is pickled as the path of its folder."""

    def __init__(self, folder: Path, manifest: DictionaryManifest) -> None:
        patterns, names = map_table(folder, "patterns"), map_table(folder, "names")
        self.folder = folder
        self.manifest = manifest
        self.rules: NDArray[np.int8] = _numpy(names["rule"])
        self.entity_classes: NDArray[np.int8] = _numpy(names["entity_class"])
        self.names: pa.Array = _whole(names["name"])
        self.first_names: NDArray[np.int32] = np.append(
            _numpy(patterns["first_name"]), [names.num_rows]
        )
        self._keys: NDArray[np.uint32] = _numpy(patterns["key"])
        self._forms: pa.Array = _whole(patterns["form"])
        self._everything: BytesAhoCorasick | None = None
        self._lock = threading.Lock()
        self._spent = 0

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        """Travel to a worker as a path; the worker maps the same pages."""
        return open_dictionary_index, (self.folder,)

    def matches(self, form: bytes) -> NDArray[np.int64]:
        """Find every pattern in a scan form. Shape (n, 3): pattern, first byte, end."""
        if self._everything is None and len(form) <= SMALL_FORM_BYTES:
            self._spent += len(form)
            if self._spent <= SMALL_BUDGET_BYTES:
                return self.matches_by_candidates(form)
        return _find(self._whole_automaton(), form)

    def matches_by_candidates(self, form: bytes) -> NDArray[np.int64]:
        """Find every pattern through an automaton of those whose rarest token is there."""
        # Two tokens may share a key; its patterns must come once.
        tokens = np.unique(np.fromiter(map(crc32, set(form.split(BLANK))), np.uint32))
        first = np.searchsorted(self._keys, tokens, side="left")
        counts = np.searchsorted(self._keys, tokens, side="right") - first
        candidates = ranges(first, counts)
        if not len(candidates):
            return np.empty((0, 3), np.int64)
        forms = self._forms.take(pa.array(candidates)).to_pylist()
        found = _find(BytesAhoCorasick(forms), form)
        found[:, 0] = candidates[found[:, 0]]
        return found

    def matches_by_everything(self, form: bytes) -> NDArray[np.int64]:
        """Find every pattern through the automaton of all."""
        return _find(self._whole_automaton(), form)

    def _whole_automaton(self) -> BytesAhoCorasick:
        with self._lock:
            if self._everything is None:
                self._everything = BytesAhoCorasick(self._forms.to_pylist())
            return self._everything


def build_dictionary_index(
    synonyms: pa.Table, folder: Path, *, built_from: Mapping[str, str] | None = None
) -> DictionaryManifest:
    """Compile the active synonyms and write them as a folder.

    A name without a letter or digit is left out. Of names of a class that differ in case only,
    one that matches in any case covers the others.

    Args:
        synonyms: SYNONYMS of all ontologies; of the columns only name, entity_class,
            case_sensitive and active are read.
        folder: Where to write; an index that is there is replaced.
        built_from: Versions of what the synonyms come from, kept in the manifest.
    """
    names, classes = _names(synonyms)
    patterns, names = _patterns(names)
    counts = compute.value_counts(names["entity_class"]).to_pylist()
    manifest = DictionaryManifest(
        format_version=FORMAT_VERSION,
        fold_version=FOLD_VERSION,
        classes=tuple(classes),
        patterns=patterns.num_rows,
        names_per_class={classes[count["values"]]: count["counts"] for count in counts},
        content_hash=hash_columns(
            [pa.array(classes, pa.string()), *patterns.columns, *names.columns]
        ),
        built_from=dict(built_from or {}),
    )
    write_compiled(folder, {"patterns": patterns, "names": names}, asdict(manifest))
    return manifest


def open_dictionary_index(folder: Path) -> DictionaryIndex:
    """Open a compiled folder; nothing is built yet.

    Raises:
        ArtifactError: there is none, it is broken, or another version made it.
    """
    return DictionaryIndex(Path(folder), read_dictionary_manifest(Path(folder)))


def read_dictionary_manifest(folder: Path) -> DictionaryManifest:
    """Read what a compiled folder holds without opening it.

    Raises:
        ArtifactError: as `open_dictionary_index`.
    """
    required = {"format_version": FORMAT_VERSION, "fold_version": FOLD_VERSION}
    read = read_manifest(folder, kind=KIND, required=required)
    read["classes"] = tuple(read["classes"])
    return DictionaryManifest(**read)


def ranges(first: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count up from each first: one array of all.

    >>> ranges(np.array([10, 3]), np.array([2, 3])).tolist()
    [10, 11, 3, 4, 5]
    """
    before = np.cumsum(counts) - counts
    return np.repeat(first - before, counts) + np.arange(int(counts.sum()))


def _names(synonyms: pa.Table) -> tuple[pa.Table, list[str]]:
    """Distinct active names with form, class, rule and what to compare; and the classes."""
    active = synonyms.filter(synonyms["active"]).select(["name", "entity_class", "case_sensitive"])
    distinct = active.group_by(active.column_names, use_threads=False).aggregate([])
    classes = sorted(compute.unique(distinct["entity_class"]).to_pylist())
    number = {name: index for index, name in enumerate(classes)}

    in_any_case: set[tuple[int, str]] = set()
    in_one_case: set[tuple[int, str, str]] = set()
    for name, entity_class, case_sensitive in zip(
        *(distinct[column].to_pylist() for column in active.column_names), strict=True
    ):
        kept = fold_name(name, keep_case=True)
        folded = fold(kept)
        if not any(map(is_word, folded)):
            continue
        if case_sensitive:
            in_one_case.add((number[entity_class], folded, kept))
        else:
            in_any_case.add((number[entity_class], folded))
    rows = [(each, folded, AS_FOLDED, folded) for each, folded in in_any_case]
    rows += [
        (each, folded, IN_ITS_CASE, kept)
        for each, folded, kept in in_one_case
        if (each, folded) not in in_any_case
    ]
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    forms = scan_names(columns[1])
    rules = [
        AS_SCANNED if rule == AS_FOLDED and not _is_lossy(form) else rule
        for rule, form in zip(columns[2], forms, strict=True)
    ]
    compared = [
        "" if rule == AS_SCANNED else name for rule, name in zip(rules, columns[3], strict=True)
    ]
    table = pa.table(
        {
            "form": pa.array(forms, pa.large_binary()),
            "entity_class": pa.array(columns[0], pa.int8()),
            "rule": pa.array(rules, pa.int8()),
            "name": pa.array(compared, pa.large_string()),
        }
    )
    return table, classes


def _patterns(names: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Distinct forms ordered by the key of their rarest token, and the names in that order."""
    forms: list[bytes] = names["form"].to_pylist()
    keys = pa.array(_rarest_tokens(forms), pa.uint32())
    ordered = names.append_column("key", keys).sort_by(
        [(name, "ascending") for name in ("key", "form", "entity_class", "rule", "name")]
    )
    sorted_forms: list[bytes] = ordered["form"].to_pylist()
    first = [
        row for row, form in enumerate(sorted_forms) if row == 0 or form != sorted_forms[row - 1]
    ]
    at = pa.array(first, pa.int64())
    patterns = pa.table(
        {
            "key": ordered["key"].take(at),
            "form": ordered["form"].take(at),
            "first_name": at.cast(pa.int32()),
        }
    )
    return patterns.combine_chunks(), ordered.select(["entity_class", "rule", "name"])


def _rarest_tokens(forms: Sequence[bytes]) -> NDArray[np.uint32]:
    """CRC-32 of the token of each form that the fewest forms have; the first of equals."""
    if not forms:
        return np.empty(0, np.uint32)
    tokens = [form[1:-1].split(BLANK) for form in forms]
    counts = np.fromiter(map(len, tokens), np.int64, len(tokens))
    everything = np.fromiter(map(crc32, chain.from_iterable(tokens)), np.uint32, int(counts.sum()))
    _, number, frequency = np.unique(everything, return_inverse=True, return_counts=True)
    frequencies = frequency[number]
    starts = np.cumsum(counts) - counts
    rarest = np.repeat(np.minimum.reduceat(frequencies, starts), counts)
    at = np.flatnonzero(frequencies == rarest)
    first = at[np.searchsorted(at, starts)]
    return everything[first]


def _is_lossy(form: bytes) -> bool:
    return max(form) >= FIRST_LOSSY


def _find(automaton: BytesAhoCorasick, form: bytes) -> NDArray[np.int64]:
    found = automaton.find_matches_as_indexes(form, overlapping=True)
    flat = np.fromiter(chain.from_iterable(found), np.int64, 3 * len(found))
    return flat.reshape(-1, 3)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Take a mapped column as one array without copying it, which it was written as."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    return _whole(column).to_numpy(zero_copy_only=False)
