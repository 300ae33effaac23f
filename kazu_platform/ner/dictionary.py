"""The dictionary detector: which names of the vocabularies stand in a text, and where.

A match begins and ends at token borders; runs of white space in the text match one blank of a
name; a name that is case-sensitive must stand there in its case. Every match counts, nested and
overlapping ones too ("cancer" in "breast cancer"): what to prefer is for those to decide who use
them. A name that several classes know is one mention of each.

Passages are matched many at a time as one array of code points; see `scan` for how.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kazu_platform.arrow import compute, runs
from kazu_platform.documents import digest
from kazu_platform.ner.dictionary_index import (
    COMPARES_MARKS,
    IN_CONTEXT,
    IN_ITS_CASE,
    LOSSY,
    NOT_CAPITALS,
    TIGHT,
    ranges,
)
from kazu_platform.ner.mentions import Spans, mention_rows
from kazu_platform.ner.scan import BLANK, JOINED, Scan, lossy_characters, scan_form, scan_table
from kazu_platform.tables import DICTIONARY_MENTIONS
from kazu_platform.text.fold import code_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kazu_platform.ner.dictionary_index import DictionaryIndex, DictionaryManifest

RULES_VERSION = "3"
HEAD_WORDS = {
    "cell_line": frozenset((b"cell", b"cells", b"line", b"lines", b"clone", b"clones")),
}
"""Words behind a symbol that say what it is, by entity class."""
MAX_HEAD = 8
CHUNK_CODE_POINTS = 250_000
"""Passages matched at a time: enough to forget the cost of a call, little enough for the cache."""
WINDOW_CODE_POINTS = 1_000_000
"""A longer document is matched in windows, so that its size does not matter for the memory."""


@dataclass(frozen=True)
class Window:
    """A part of a text: names that begin in [start, end) are its own, [first, last) is looked at.

    Before the start stands one character, which says whether a word begins there; behind the end
    as much as the longest name and a head word take.
    """

    first: int
    start: int
    end: int
    last: int


@dataclass(frozen=True)
class DictionaryDetector:
    """Finds the names of a dictionary index; a text longer than a window is matched in windows."""

    index: DictionaryIndex
    window: int = WINDOW_CODE_POINTS

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

        start, end, names = self._names(passages, offsets, lengths, text)

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
        self, passages: pa.Table, offsets: NDArray[np.int64], lengths: NDArray[np.int64], text: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Spans of the names that matched: a pattern may stand for several, or for none here."""
        index, points = self.index, code_points(text)
        begins = offsets[lengths > 0]
        windows = [
            self._matches(points, begins, text, window)
            for window in _windows(points, self._longest_name, self.window)
        ]
        start, end, names, headed = (np.concatenate(each) for each in zip(*windows, strict=True))
        passage = np.searchsorted(offsets, start, side="right") - 1
        said = self._said_in_context(headed, names, _documents(passages)[passage])
        start, end, names = start[said], end[said], names[said]
        # Spellings of a name with different rules are names of their own; a mention is one.
        classes = index.entity_classes[names].astype(np.int64)
        key = (start * (len(text) + 1) + end - start) * len(index.manifest.classes) + classes
        _, once = np.unique(key, return_index=True)
        return start[once], end[once], names[once]

    def _matches(
        self, points: NDArray[np.uint32], begins: NDArray[np.int64], text: str, window: Window
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Spans of names that begin in a window, and which have a head word of their class behind.

        Args:
            points: The whole text.
            begins: Where passages that are not empty begin in it.
            text: The same as a string.
            window: What of it to match.
        """
        index = self.index
        inner = begins[(begins > window.first) & (begins < window.last)] - window.first
        scan = scan_form(points[window.first : window.last], np.concatenate(([0], inner)))
        matches = index.matches(scan.form)
        start, end = scan.code_points(matches[:, 1], matches[:, 2])
        here = scan.are_words(start, end)
        here &= (start >= window.start - window.first) & (start < window.end - window.first)
        matches, start, end = matches[here], start[here], end[here]
        patterns = matches[:, 0]
        first = index.first_names[patterns].astype(np.int64)
        counts = index.first_names[patterns + 1] - first
        names = ranges(first, counts)
        start, end, at, behind = (
            np.repeat(each, counts) for each in (start, end, matches[:, 1], matches[:, 2])
        )
        start, end = start + window.first, end + window.first
        right = self._marked_alike(scan, at, names)
        lossy = np.flatnonzero(right & (index.rules[names] & LOSSY != 0))
        wanted = index.lossy.take(pa.array(names[lossy])).to_pylist()
        for row, characters in zip(lossy.tolist(), wanted, strict=True):
            right[row] = lossy_characters(text[start[row] : end[row]]) == characters
        start, end, names, behind = start[right], end[right], names[right], behind[right]
        return start, end, names, self._headed(scan, behind, names)

    @cached_property
    def _longest_name(self) -> int:
        """Bytes of the longest name in scan form."""
        return int(compute.max(compute.binary_length(self.index.forms)).as_py() or 0)

    def _headed(
        self, scan: Scan, behind: NDArray[np.int64], names: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether each match of a name that needs a context has it right behind.

        Args:
            scan: The text.
            behind: First byte in the form behind each match.
            names: The name of each.
        """
        headed = np.zeros(len(names), np.bool_)
        rows = np.flatnonzero(self.index.rules[names] & IN_CONTEXT != 0)
        heads = [HEAD_WORDS.get(name, frozenset[bytes]()) for name in self.index.manifest.classes]
        classes = self.index.entity_classes[names[rows]].tolist()
        headed[rows] = [
            scan.form[at : at + MAX_HEAD].partition(BLANK)[0] in heads[entity_class]
            for at, entity_class in zip(behind[rows].tolist(), classes, strict=True)
        ]
        return headed

    def _said_in_context(
        self, headed: NDArray[np.bool_], names: NDArray[np.int64], documents: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether each match counts: a name that needs a context has it somewhere in its document.

        Args:
            headed: Whether each match has it.
            names: The name of each.
            documents: The document of each.
        """
        index = self.index
        said = np.ones(len(names), np.bool_)
        rows = np.flatnonzero(index.rules[names] & IN_CONTEXT != 0)
        # Names are numbered by pattern: spellings of one symbol stand for each other, in a class.
        pattern = np.searchsorted(index.first_names, names[rows], side="right")
        key = documents[rows] * len(index.first_names) + pattern
        key = key * len(index.manifest.classes) + index.entity_classes[names[rows]]
        said[rows] = np.isin(key, key[headed[rows]])
        return said

    def _marked_alike(
        self, scan: Scan, at: NDArray[np.int64], names: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Compare case and gaps in the text with those of each name, where its rule asks.

        Args:
            scan: The text.
            at: First byte in the form of each match.
            names: The name of each.
        """
        index = self.index
        alike = np.ones(len(names), np.bool_)
        rows = np.flatnonzero(index.rules[names] & COMPARES_MARKS != 0)
        wanted = index.marked.take(pa.array(names[rows]))
        lengths = compute.binary_length(wanted).to_numpy().astype(np.int64)
        name = np.frombuffer(b"".join(wanted.to_pylist()), np.uint8)
        where = ranges(at[rows], lengths)
        row = np.repeat(np.arange(len(rows)), lengths)
        rule = index.rules[names[rows]][row]
        found = scan.marked[where]
        form = np.frombuffer(scan.form, np.uint8)[where]
        gap = form == ord(BLANK)
        outer = np.zeros(len(where), np.bool_)
        last = np.cumsum(lengths) - 1
        outer[last] = outer[last - lengths + 1] = True
        wrong = (rule & IN_ITS_CASE != 0) & ~gap & (found != name)
        wrong |= (rule & TIGHT != 0) & gap & ~outer & (name == JOINED) & (found == ord(BLANK))
        small = (found >= ord("a")) & (found <= ord("z"))
        capitals = np.bincount(row, weights=small, minlength=len(rows)) == 0
        alike[rows] = np.bincount(row, weights=wrong, minlength=len(rows)) == 0
        alike[rows] &= ~(capitals & (index.rules[names[rows]] & NOT_CAPITALS != 0))
        return alike


def dictionary_version(manifest: DictionaryManifest) -> str:
    """Version of the mentions that an index gives with this module's rules."""
    return digest(
        "dictionary",
        RULES_VERSION,
        manifest.fold_version,
        manifest.scan_version,
        manifest.content_hash,
    )


def _windows(points: NDArray[np.uint32], longest: int, size: int) -> Iterator[Window]:
    """Windows that give together what the whole text gives.

    Args:
        points: The text.
        longest: Bytes of the longest name. A character that does not separate is a byte or more of
            a name, so a name has no more of these; how many separate them is not bounded.
        size: Code points of a window, not counting what is looked at around it.
    """
    n_points = len(points)
    wanted = longest + MAX_HEAD + 2
    for start in range(0, n_points, size):
        end = last = min(start + size, n_points)
        seen = 0
        while last < n_points and seen < wanted:
            more = points[last : last + 2 * wanted]
            seen += int(np.count_nonzero(scan_table()[more] != ord(BLANK)))
            last += len(more)
        yield Window(max(0, start - 1), start, end, last)


def _chunks(passages: pa.Table) -> Iterator[pa.Table]:
    """Slices of about CHUNK_CODE_POINTS, of whole documents."""
    sizes = compute.utf8_length(passages["text"]).to_numpy().astype(np.int64)
    documents = _documents(passages)
    first = np.flatnonzero(np.diff(documents, prepend=-1))
    chunk = (np.cumsum(sizes) // CHUNK_CODE_POINTS)[first][documents] if len(first) else first
    borders = [*np.flatnonzero(np.diff(chunk, prepend=-1)).tolist(), passages.num_rows]
    for first, last in pairwise(borders):
        yield passages.slice(first, last - first)


def _documents(passages: pa.Table) -> NDArray[np.int64]:
    """Number of the document of each passage; passages of one follow each other."""
    return runs(passages, ["doc_id", "content_hash"])
