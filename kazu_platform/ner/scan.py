r"""The scan form: a text as bytes in which an automaton can only match at token borders.

Aho-Corasick finds "was" in "washed"; throwing such matches away afterwards costs more than the
scan. So texts and names are written as tokens with a blank before and behind each, and a name is
searched with its blanks:

    text        EGFR(ErbB1)  and TNF-α
    scan form   " egfr \x01 ( \x01 erbb1 \x01 ) and tnf \x01 - \x01 \xbf "
    name        " erbb1 "

White space is the blank between two tokens, however much of it there is; a border without any is
`\x01`; the border of a passage is `\x02`, which no name holds. A token is a run of word
characters or one other character. Every character is one byte: folded ASCII stands for itself
(control characters have become blanks, which frees their bytes), everything else shares 128
values. That is lossy, so a name with such bytes must be compared once more when it matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.text.fold import code_points, fold_table, word_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BLANK = b" "
JOINT = b"\x01"
PASSAGE = b"\x02"
PASSAGE_BORDER = BLANK + PASSAGE + BLANK
FIRST_LOSSY = 0x80
FIRST_LOSSY_OTHER = 0xC0  # 0x80 to 0xBF are word characters
_LOW_BITS = 0x3F


@dataclass(frozen=True, slots=True)
class Scan:
    """Passages in scan form.

    `sizes` says how many bytes each code point adds (0 for the second of two blanks, 4 with a
    border before it) and `ends` where in `form` each code point's own byte is.
    """

    form: bytes
    sizes: NDArray[np.uint8]
    ends: NDArray[np.int32]

    def code_points(
        self, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Spans of code points for matches in the form, the blanks of names included."""
        first = np.searchsorted(self.ends, (starts + 1).astype(np.int32))
        last = np.searchsorted(self.ends, (ends - 2).astype(np.int32))
        return first, last + 1


def scan_form(points: NDArray[np.uint32], starts: NDArray[np.int64]) -> Scan:
    """Write passages in scan form.

    Args:
        points: Code points of all passages, one after the other; not empty.
        starts: Where each passage that is not empty begins; the first is 0.
    """
    own = scan_table()[points]
    word = _word_bytes()[own]
    blank = own == ord(BLANK)
    joint = blank[1:] | blank[:-1]
    joint |= word[1:] & word[:-1]
    np.logical_not(joint, out=joint)
    sizes = np.ones(len(own), np.uint8)
    sizes[1:] += joint.view(np.uint8) * np.uint8(3)
    sizes[1:] -= (blank[1:] & blank[:-1]).view(np.uint8)
    sizes[starts] = 4
    ends = np.cumsum(sizes, dtype=np.int32)
    form = np.full(int(ends[-1]) + 1, ord(BLANK), np.uint8)
    ends -= 1
    form[ends] = own
    form[ends[np.flatnonzero(sizes == 4)] - 2] = ord(JOINT)  # noqa: PLR2004 - see Scan
    form[ends[starts] - 2] = ord(PASSAGE)
    return Scan(form.tobytes(), sizes, ends)


def scan_names(names: Sequence[str]) -> list[bytes]:
    r"""Each name in scan form, blanks before and behind; b"  " for a name without characters.

    >>> scan_names(["COX-1", " breast\n cancer", "α"])
    [b' cox \x01 - \x01 1 ', b' breast cancer ', b' \xbf ']
    """
    if not names:
        return []
    padded = [name or " " for name in names]
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    form = scan_form(code_points("".join(padded)), starts).form
    return [BLANK + part.strip(BLANK) + BLANK for part in form.split(PASSAGE_BORDER)[1:]]


@cache
def scan_table() -> NDArray[np.uint8]:
    """The byte of each of the 0x110000 code points."""
    folded = fold_table()
    mixed = (folded ^ (folded >> 6) ^ (folded >> 12)) & _LOW_BITS
    lossy = np.where(word_table(), FIRST_LOSSY, FIRST_LOSSY_OTHER) | mixed
    table = np.where(folded < FIRST_LOSSY, folded, lossy).astype(np.uint8)
    table.setflags(write=False)
    return table


@cache
def _word_bytes() -> NDArray[np.bool_]:
    """Whether each of the 256 bytes of a scan form is a word character."""
    table = np.zeros(256, np.bool_)
    table[:FIRST_LOSSY] = word_table()[:FIRST_LOSSY]
    table[FIRST_LOSSY:FIRST_LOSSY_OTHER] = True
    table.setflags(write=False)
    return table
