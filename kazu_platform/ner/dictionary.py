"""The dictionary detector: which names of the vocabularies stand in a text, and where.

A match begins and ends at token borders; runs of white space in the text match one blank of a
name; a name that is case-sensitive must stand there in its case. Every match counts, nested and
overlapping ones too ("cancer" in "breast cancer"): what to prefer is for those to decide who use
them. A name that several classes know is one mention of each.

Passages are matched many at a time as one array of code points; see `scan` for how.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.ner.dictionary_index import AS_SCANNED, IN_ITS_CASE, ranges
from kazu_platform.ner.mentions import Spans, mention_rows
from kazu_platform.ner.scan import Scan, scan_form
from kazu_platform.tables import DICTIONARY_MENTIONS
from kazu_platform.text.fold import code_points, fold_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kazu_platform.ner.dictionary_index import DictionaryIndex, DictionaryManifest

RULES_VERSION = "1"
CHUNK_CODE_POINTS = 250_000
"""Passages matched at a time: enough to forget the cost of a call, little enough for the cache."""


@dataclass(frozen=True)
class DictionaryDetector:
    """Finds the names of a dictionary index."""

    index: DictionaryIndex

    @property
    def name(self) -> str:
        """Name in column `detector`."""
        return "dictionary"

    @property
    def version(self) -> str:
        """Hash of the index's content and of the rules."""
        return dictionary_version(self.index.manifest)

    def detect(self, passages: pa.Table) -> pa.Table:
        """Find the mentions of some passages (PASSAGES) as rows of DICTIONARY_MENTIONS.

        Rows are ordered by passage, start, end and class.
        """
        version = self.version
        found = [self._detect(chunk, version) for chunk in _chunks(passages)]
        return pa.concat_tables(found) if found else DICTIONARY_MENTIONS.empty()

    def _detect(self, passages: pa.Table, version: str) -> pa.Table:
        texts: list[str] = passages["text"].to_pylist()
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        offsets = np.cumsum(lengths) - lengths
        text = "".join(texts)
        if not text:
            return DICTIONARY_MENTIONS.empty()

        points = code_points(text)
        scan = scan_form(points, offsets[lengths > 0])
        matches = self.index.matches(scan.form)
        start, end = scan.code_points(matches[:, 1], matches[:, 2])
        start, end, names = self._names(points, scan, matches[:, 0], start, end)

        classes = self.index.entity_classes[names].astype(np.int64)
        order = np.lexsort((classes, end, start))
        start, end, classes = start[order], end[order], classes[order]
        passage = np.searchsorted(offsets, start, side="right") - 1
        spans = Spans(passage, start - offsets[passage], end - offsets[passage], classes)
        return mention_rows(
            passages,
            spans,
            [text[a:b] for a, b in zip(start.tolist(), end.tolist(), strict=True)],
            self.index.manifest.classes,
            detector=self.name,
            version=version,
        )

    def _names(
        self,
        points: NDArray[np.uint32],
        scan: Scan,
        patterns: NDArray[np.int64],
        start: NDArray[np.int64],
        end: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Spans of the names that matched: a pattern may stand for several, or for none here."""
        index = self.index
        first = index.first_names[patterns].astype(np.int64)
        counts = index.first_names[patterns + 1] - first
        names = ranges(first, counts)
        start, end = np.repeat(start, counts), np.repeat(end, counts)
        right = np.ones(len(names), np.bool_)
        doubtful = np.flatnonzero(index.rules[names] != AS_SCANNED)
        right[doubtful] = self._equal(points, scan, start[doubtful], end[doubtful], names[doubtful])
        return start[right], end[right], names[right]

    def _equal(
        self,
        points: NDArray[np.uint32],
        scan: Scan,
        start: NDArray[np.int64],
        end: NDArray[np.int64],
        names: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Compare what stands in the text with the name, in its case or folded.

        Their scan forms are equal, so once runs of blanks are one they are equally long.
        """
        where = ranges(start, end - start)
        row = np.repeat(np.arange(len(names)), end - start)
        counted = scan.sizes[where] > 0
        where, row = where[counted], row[counted]
        found = points[where]
        found = np.where(
            self.index.rules[names][row] == IN_ITS_CASE,
            fold_table(keep_case=True)[found],
            fold_table()[found],
        )
        wanted = code_points("".join(self.index.names.take(pa.array(names)).to_pylist()))
        return np.bincount(row, weights=found != wanted, minlength=len(names)) == 0


def dictionary_version(manifest: DictionaryManifest) -> str:
    """Version of the mentions that an index gives with this module's rules."""
    return digest("dictionary", RULES_VERSION, manifest.fold_version, manifest.content_hash)


def _chunks(passages: pa.Table) -> Iterator[pa.Table]:
    """Slices of about CHUNK_CODE_POINTS, of whole passages."""
    sizes = compute.utf8_length(passages["text"]).to_numpy().astype(np.int64)
    chunk = np.cumsum(sizes) // CHUNK_CODE_POINTS
    borders = [*np.flatnonzero(np.diff(chunk, prepend=-1)).tolist(), passages.num_rows]
    for first, last in pairwise(borders):
        yield passages.slice(first, last - first)
