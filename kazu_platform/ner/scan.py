r"""The scan form: a text as bytes in which spellings of one name are the same bytes.

Aho-Corasick finds "was" in "washed", and does not find "COX-2" in "COX 2"; to repair either after
the scan costs more than the scan. So texts and names are written as tokens with a blank before
and behind each, and a name is searched with its blanks:

    text        EGFR(ErbB1)  and TNF-α
    scan form   " egfr ( erbb 1 ) and tnf alpha "
    name        " tnf alpha "

A token is a run of letters, a run of digits, or one other character. White space and hyphens only
separate, so "COX-2", "COX 2" and "COX2" are one form, and so is "IL - 2" of a tokenised corpus.
Greek letters are spelled out. Super- and subscript digits and full-width characters are what they
look like. Passages are separated by `\x02`, which no name holds.

Every character is one byte: folded ASCII stands for itself, everything else that is not Greek
shares 128 values. That is lossy, so a name with such bytes must be compared once more when it
matches. The `marked` form, byte for byte as long, keeps what the scan form gave up: the case, and
whether a gap between two tokens is a hyphen, white space only, or none (`\x01`).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.text.fold import N_CODE_POINTS, code_points, fold_table, word_table
from kazu_platform.text.spellings import GREEK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

BLANK = b" "
JOINED, HYPHEN = 1, ord("-")
PASSAGE = b"\x02"
PASSAGE_BORDER = BLANK + PASSAGE + BLANK
FIRST_LOSSY = 0x80
FIRST_LOSSY_OTHER = 0xC0  # 0x80 to 0xBF are word characters
SCAN_VERSION = "2"
"""Changes with the form: names and texts must be written alike."""

_LOW_BITS = 0x3F
_SEPARATOR, _LETTER, _DIGIT, _OTHER, _SPELLED = range(5)
# Blocks whose characters look like ASCII: superscripts, full width, letter-like, mathematical.
_LOOKALIKES = ((0xB2, 0xBA), (0x2070, 0x20A0), (0x2100, 0x2150), (0xFF01, 0xFF5F))
_MATHEMATICAL = (0x1D400, 0x1D800)


@dataclass(frozen=True, slots=True)
class Scan:
    """Passages in scan form.

    `form` and `marked` are equally long. `ends` says where each code point's own byte is (its
    last, if it is spelled out; that of the gap, for white space and hyphens). `inside` says
    whether each code point continues a word: nothing begins there, nothing ends before it.
    """

    form: bytes
    marked: NDArray[np.uint8]
    ends: NDArray[np.int32]
    inside: NDArray[np.bool_]

    def code_points(
        self, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Spans of code points for matches in the form, the blanks of names included."""
        first = np.searchsorted(self.ends, (starts + 1).astype(np.int32))
        last = np.searchsorted(self.ends, (ends - 2).astype(np.int32))
        return first, last + 1

    def are_words(self, first: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether spans of code points begin and end at borders of words, not within "p53"."""
        after = np.minimum(end, len(self.inside) - 1)
        return ~self.inside[first] & ~(self.inside[after] & (end < len(self.inside)))


def scan_form(points: NDArray[np.uint32], starts: NDArray[np.int64]) -> Scan:
    """Write passages in scan form.

    Args:
        points: Code points of all passages, one after the other; not empty.
        starts: Where each passage that is not empty begins; the first is 0.
    """
    own = scan_table()[points]
    kind = _kinds()[own]
    greek = np.flatnonzero(_greek_table()[points])
    letters = _greek_table()[points[greek]]
    kind[greek] = _SPELLED

    blank = kind == _SEPARATOR
    joined = (kind[1:] == kind[:-1]) & (kind[1:] <= _DIGIT)
    sizes = np.ones(len(own), np.uint8)
    sizes[1:] += ~(joined | blank[1:] | blank[:-1])
    sizes[1:] -= blank[1:] & blank[:-1]
    sizes[starts] = 4  # its own byte, and the border before it
    sizes[greek] += _greek_lengths()[letters] - 1
    ends = np.cumsum(sizes, dtype=np.int32)
    form = np.full(int(ends[-1]) + 1, ord(BLANK), np.uint8)
    marked = np.full(len(form), JOINED, np.uint8)
    ends -= 1
    form[ends] = own
    marked[ends] = _marked_table()[points]
    hyphens = np.flatnonzero(_marked_table()[points] == HYPHEN)
    marked[ends[hyphens]] = HYPHEN
    form[ends[starts] - sizes[starts].astype(np.int32) + 2] = ord(PASSAGE)
    for letter in np.unique(letters):
        _spell(form, marked, ends[greek[letters == letter]], int(letter))
    inside = np.zeros(len(own), np.bool_)
    word = word_table()[points]
    inside[1:] = word[1:] & word[:-1]
    inside[starts] = False
    return Scan(form.tobytes(), marked, ends, inside)


def _spell(
    form: NDArray[np.uint8], marked: NDArray[np.uint8], ends: NDArray[np.int32], letter: int
) -> None:
    name = np.frombuffer(_greek_names()[letter].encode(), np.uint8)
    for back, byte in enumerate(name[::-1]):
        form[ends - back] = marked[ends - back] = byte


def scan_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    r"""Each name in scan form and in marked form, blanks before and behind; "  " if it is empty.

    Bytes are characters here (Latin-1), so that columns of strings can hold them.

    >>> scan_names(["COX-1", " breast\n cancer", "TNFα"])[0]
    [' cox 1 ', ' breast cancer ', ' tnf alpha ']
    >>> scan_names(["COX-1", "COX1", "Cox 1"])[1]
    [' COX-1 ', ' COX\x011 ', ' Cox 1 ']
    """
    if not names:
        return [], []
    padded = [name or " " for name in names]
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    scan = scan_form(code_points("".join(padded)), starts)
    text, marked = scan.form.decode("latin-1"), scan.marked.tobytes().decode("latin-1")
    forms: list[str] = []
    marks: list[str] = []
    border, done = PASSAGE_BORDER.decode(), len(PASSAGE_BORDER)
    for part in text[done:].split(border):
        kept = part.strip(" ")
        first = done + len(part) - len(part.lstrip(" "))
        forms.append(f" {kept} ")
        marks.append(f" {marked[first : first + len(kept)]} ")
        done += len(part) + len(border)
    return forms, marks


def lossy_characters(text: str) -> str:
    """The characters of a text, folded, that share their bytes with others.

    >>> lossy_characters("Sjögren, TNF-α")
    'ö'
    """
    if text.isascii():
        return ""
    points = code_points(text)
    return "".join(map(chr, fold_table()[points[is_lossy()[points]]].tolist()))


@cache
def is_lossy() -> NDArray[np.bool_]:
    """Whether each of the 0x110000 code points shares its byte with others."""
    return (scan_table() >= FIRST_LOSSY) & (_greek_table() == 0)


@cache
def is_respelled() -> NDArray[np.bool_]:
    """Whether each of the 0x110000 code points is none of ASCII and written in its letters."""
    kinds = _kinds()[scan_table()]
    plain = (scan_table() < FIRST_LOSSY) & ((kinds == _LETTER) | (kinds == _DIGIT))
    respelled = plain | (_greek_table() > 0)
    respelled[:FIRST_LOSSY] = False
    return respelled


@cache
def scan_table() -> NDArray[np.uint8]:
    """The byte of each of the 0x110000 code points; that of a hyphen is a blank."""
    folded = fold_table().copy()
    for point, looks_like in _lookalikes():
        folded[point] = fold_table()[looks_like]
    mixed = (folded ^ (folded >> 6) ^ (folded >> 12)) & _LOW_BITS
    lossy = np.where(word_table(), FIRST_LOSSY, FIRST_LOSSY_OTHER) | mixed
    table = np.where(folded < FIRST_LOSSY, folded, lossy).astype(np.uint8)
    table[table == HYPHEN] = ord(BLANK)
    table.setflags(write=False)
    return table


@cache
def _marked_table() -> NDArray[np.uint8]:
    """The byte of each code point with its case, and with hyphens."""
    folded = fold_table(keep_case=True).copy()
    for point, looks_like in _lookalikes():
        folded[point] = looks_like
    table = np.where(folded < FIRST_LOSSY, folded, scan_table()).astype(np.uint8)
    table.setflags(write=False)
    return table


@cache
def _kinds() -> NDArray[np.uint8]:
    """What each of the 256 bytes of a scan form is."""
    table = np.full(256, _OTHER, np.uint8)
    table[[ord(c) for c in "abcdefghijklmnopqrstuvwxyz"]] = _LETTER
    table[[ord(c) for c in "0123456789"]] = _DIGIT
    table[FIRST_LOSSY:FIRST_LOSSY_OTHER] = _LETTER
    table[ord(BLANK)] = _SEPARATOR
    table.setflags(write=False)
    return table


@cache
def _greek_names() -> tuple[str, ...]:
    return ("", *sorted(set(GREEK.values())))


@cache
def _greek_lengths() -> NDArray[np.uint8]:
    return np.array([max(1, len(name)) for name in _greek_names()], np.uint8)


@cache
def _greek_table() -> NDArray[np.uint8]:
    """Which Greek letter each code point is, in either case: index into the names; 0 for none."""
    table = np.zeros(N_CODE_POINTS, np.uint8)
    for letter, name in GREEK.items():
        table[ord(letter)] = _greek_names().index(name)
    table = table[fold_table()]
    table.setflags(write=False)
    return table


@cache
def _lookalikes() -> tuple[tuple[int, int], ...]:
    """Code points that look like an ASCII letter, digit or sign, and that character's."""
    return tuple(_pairs((*_LOOKALIKES, _MATHEMATICAL)))


def _pairs(blocks: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    for first, end in blocks:
        for point in range(first, end):
            plain = unicodedata.normalize("NFKC", chr(point))
            if len(plain) == 1 and plain.isascii():
                yield point, ord(plain)
