"""The dictionary index: every active name in scan form, compiled to a folder.

A folder holds `manifest.json` and two Arrow files that are mapped into memory:

patterns.arrow  one row for each distinct scan form, ordered by `key`
    key         CRC-32 of its most telling token (see `names.keys_of`)
    form        the scan form (see `scan`)
    first_name  row of its first name in names.arrow
names.arrow     what a form stands for, ordered by pattern
    entity_class  index into the manifest's `classes`
    rule        sum of IN_ITS_CASE (letters must have the case of `marked`), TIGHT (no blank where
                `marked` has no gap), NOT_CAPITALS (the text has a lower-case letter), LOSSY (the
                text must have the characters of `lossy`) and IN_CONTEXT (the document once has a
                head word of the class behind it); 0: the form says it all
    marked      what the first three compare, else empty
    lossy       what LOSSY compares, else empty

Two more files are read only when the index is brought up to date (see `rows`): counts.arrow says
how many synonyms are behind each name, covered.arrow which names need not be searched, because
another one covers them.

An Aho-Corasick automaton cannot be stored and takes seconds to build. A name can only occur in
a text that has the token of its key, so for a short text a small automaton of just those names is
built. For much text the whole one is built, once; both find the same.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import pyarrow as pa
from ahocorasick_rs import BytesAhoCorasick

from kazu_platform.ner.scan import BLANK, SCAN_VERSION
from kazu_platform.storage.compiled import map_table, read_manifest
from kazu_platform.text.fold import FOLD_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

KIND = "dictionary index"
FORMAT_VERSION = 5
IN_ITS_CASE, TIGHT, LOSSY, NOT_CAPITALS, IN_CONTEXT = 1, 2, 4, 8, 16
COMPARES_MARKS = IN_ITS_CASE | TIGHT | NOT_CAPITALS
SMALL_FORM_BYTES = 200_000
"""Text up to this size is matched by an automaton of its own ..."""
SMALL_BUDGET_BYTES = 4_000_000
"""... until this much was: building small ones then has cost about as much as the whole one."""


@dataclass(frozen=True, slots=True)
class DictionaryManifest:
    """What a dictionary index holds, and of what it was made."""

    format_version: int
    fold_version: str
    scan_version: str
    classes: tuple[str, ...]
    patterns: int
    names_per_class: Mapping[str, int]
    content_hash: str
    built_from: Mapping[str, str] = field(default_factory=dict)


class DictionaryIndex:
    """An opened index. It may be shared by threads, and is pickled as the path of its folder.

    One of a few names has no folder and travels with its tables.
    """

    def __init__(
        self,
        manifest: DictionaryManifest,
        patterns: pa.Table,
        names: pa.Table,
        folder: Path | None = None,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.patterns = patterns
        self.names = names
        self.rules: NDArray[np.int8] = _numpy(names["rule"])
        self.entity_classes: NDArray[np.int8] = _numpy(names["entity_class"])
        self.marked: pa.Array = _whole(names["marked"])
        self.lossy: pa.Array = _whole(names["lossy"])
        self.first_names: NDArray[np.int32] = np.append(
            _numpy(patterns["first_name"]), [names.num_rows]
        )
        self.keys: NDArray[np.uint32] = _numpy(patterns["key"])
        self.forms: pa.Array = _whole(patterns["form"])
        self._everything: BytesAhoCorasick | None = None
        self._lock = threading.Lock()
        self._spent = 0

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Travel to a worker as a path; the worker maps the same pages."""
        if self.folder is None:
            return DictionaryIndex, (self.manifest, self.patterns, self.names)
        return open_dictionary_index, (self.folder,)

    def matches(self, form: bytes) -> NDArray[np.int64]:
        """Find every pattern in a scan form. Shape (n, 3): pattern, first byte, end."""
        if self._everything is None and len(form) <= SMALL_FORM_BYTES:
            self._spent += len(form)
            if self._spent <= SMALL_BUDGET_BYTES:
                return self.matches_by_candidates(form)
        return _find(self._whole_automaton(), form)

    def matches_by_candidates(self, form: bytes) -> NDArray[np.int64]:
        """Find every pattern through an automaton of those whose key is there."""
        # Two tokens may share a key; its patterns must come once.
        tokens = np.unique(np.fromiter(map(crc32, set(form.split(BLANK))), np.uint32))
        first = np.searchsorted(self.keys, tokens, side="left")
        counts = np.searchsorted(self.keys, tokens, side="right") - first
        candidates = ranges(first, counts)
        if not len(candidates):
            return np.empty((0, 3), np.int64)
        forms = self.forms.take(pa.array(candidates)).to_pylist()
        found = _find(BytesAhoCorasick(forms), form)
        found[:, 0] = candidates[found[:, 0]]
        return found

    def matches_by_everything(self, form: bytes) -> NDArray[np.int64]:
        """Find every pattern through the automaton of all."""
        return _find(self._whole_automaton(), form)

    def _whole_automaton(self) -> BytesAhoCorasick:
        with self._lock:
            if self._everything is None:
                self._everything = BytesAhoCorasick(self.forms.to_pylist())
            return self._everything


def open_dictionary_index(folder: Path) -> DictionaryIndex:
    """Open a compiled folder; nothing is built yet.

    Raises:
        ArtifactError: there is none, it is broken, or another version made it.
    """
    folder = Path(folder)
    manifest = read_dictionary_manifest(folder)
    return DictionaryIndex(
        manifest, map_table(folder, "patterns"), map_table(folder, "names"), folder
    )


def read_dictionary_manifest(folder: Path) -> DictionaryManifest:
    """Read what a compiled folder holds without opening it.

    Raises:
        ArtifactError: as `open_dictionary_index`.
    """
    required = {
        "format_version": FORMAT_VERSION,
        "fold_version": FOLD_VERSION,
        "scan_version": SCAN_VERSION,
    }
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


def _find(automaton: BytesAhoCorasick, form: bytes) -> NDArray[np.int64]:
    found = automaton.find_matches_as_indexes(form, overlapping=True)
    flat = np.fromiter(chain.from_iterable(found), np.int64, 3 * len(found))
    return flat.reshape(-1, 3)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Take a mapped column as one array without copying it, which it was written as."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    return _whole(column).to_numpy(zero_copy_only=False)
