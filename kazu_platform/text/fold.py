"""Folding: one code point becomes one code point, so an offset never drifts.

`text.lower()` makes two characters of U+0130 (İ), and every offset behind it is off by one. Here
the case is folded only where the folded form is a single code point. Dashes become a hyphen,
quotes and primes an apostrophe, white space and control characters a blank, so that "TNF‑α" and
"5′ UTR" are found however a publisher sets them. Folding twice changes nothing.

A token border lies where not both neighbours are word characters, that is letters, digits or
combining marks *after* folding. A border within "p53" or "TNFα" there is none.

Tables are numpy arrays with an entry for each code point, made at first use (some 25 ms).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

FOLD_VERSION = f"1+unicode{unicodedata.unidata_version}"
"""Changes with the rules and with the Unicode tables of this Python."""

N_CODE_POINTS = 0x110000

_HYPHENS = "\u00ad\u02d7\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"
_QUOTES = (
    '"`\u00ab\u00b4\u00bb\u02b9\u02ba\u02bb\u02bc\u02bd\u02ca\u02cb\u02ee\u2018\u2019\u201a\u201b'
    "\u201c\u201d\u201e\u201f\u2032\u2033\u2034\u2035\u2036\u2039\u203a\u2057\uff02\uff07\uff40"
)
_BLANKS = (
    "".join(map(chr, [*range(0x20), *range(0x7F, 0xA1)]))
    + "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b"
    + "\u2028\u2029\u202f\u205f\u3000"
)
# Planes 4 to 13 are unassigned and 15 and 16 private: neither letters nor marks are there.
_ASSIGNED = (range(0x40000), range(0xE0000, 0xE1000))
_BLOCK = 0x400


def fold(text: str) -> str:
    r"""Fold case, dashes, quotes and blanks; the length stays.

    Final and medial sigma meet, the micro sign becomes mu, and İ stays as it is.

    >>> fold("TNF‑Α\u00a0at 5′")
    "tnf-α at 5'"
    >>> len(fold("İL‑2")) == len("İL‑2")
    True
    """
    return text.translate(_mapping())


def fold_keep_case(text: str) -> str:
    r"""Fold dashes, quotes and blanks but not the case; the length stays.

    >>> fold_keep_case("COX\u20112")
    'COX-2'
    """
    return text.translate(_PUNCTUATION)


def fold_name(name: str, *, keep_case: bool = False) -> str:
    r"""Fold a name and collapse its blanks: equal results, equal names.

    Here the length does change: a name has no offsets.

    >>> fold_name(" Breast\n  Cancer ")
    'breast cancer'
    """
    return " ".join((fold_keep_case(name) if keep_case else fold(name)).split())


def is_word(character: str) -> bool:
    r"""Say if a character is part of a word: a letter, digit or combining mark.

    >>> [is_word(c) for c in "a5α\u0301-_"]
    [True, True, True, True, False, False]
    """
    folded = fold(character)
    return folded.isalnum() or unicodedata.category(folded).startswith("M")


def code_points(text: str) -> NDArray[np.uint32]:
    """Code points of a text as an array, read-only.

    >>> code_points("aα").tolist()
    [97, 945]
    """
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def fold_code_points(points: NDArray[np.uint32], *, keep_case: bool = False) -> NDArray[np.uint32]:
    """Fold an array of code points; as `fold` or, with the case kept, as `fold_keep_case`.

    >>> fold_code_points(code_points("Α‑1")).tolist() == [ord(c) for c in "α-1"]
    True
    """
    return fold_table(keep_case=keep_case)[points]


@cache
def fold_table(*, keep_case: bool = False) -> NDArray[np.uint32]:
    """What each of the 0x110000 code points becomes."""
    mapping = _PUNCTUATION if keep_case else _mapping()
    table = np.arange(N_CODE_POINTS, dtype=np.uint32)
    table[np.fromiter(mapping, np.int64, len(mapping))] = np.fromiter(
        mapping.values(), np.uint32, len(mapping)
    )
    table.setflags(write=False)
    return table


@cache
def word_table() -> NDArray[np.bool_]:
    """Whether each of the 0x110000 code points is part of a word (see `is_word`)."""
    table = np.zeros(N_CODE_POINTS, dtype=np.bool_)
    words = [
        point
        for points in _ASSIGNED
        for point in points
        if (character := chr(point)).isalnum() or unicodedata.category(character)[0] == "M"
    ]
    table[words] = True
    table = table[fold_table()]
    table.setflags(write=False)
    return table


_PUNCTUATION: Mapping[int, int] = {
    **{ord(c): ord("-") for c in _HYPHENS},
    **{ord(c): ord("'") for c in _QUOTES},
    **{ord(c): ord(" ") for c in _BLANKS},
}


@cache
def _mapping() -> Mapping[int, int]:
    """Code points that folding changes, and what into."""
    return {**dict(_cases()), **_PUNCTUATION}


def _cases() -> Iterator[tuple[int, int]]:
    """Code points whose case folds to another single code point.

    A block that `casefold` leaves alone holds none: a string of the same length whose
    characters all fold to at least one is folded character by character.
    """
    for start in range(0, 0x40000, _BLOCK):
        block = "".join(map(chr, range(start, start + _BLOCK)))
        if block.casefold() == block:
            continue
        for character in block:
            folded = character.casefold()
            if len(folded) != 1:
                folded = character.lower()
            if len(folded) == 1 and folded != character:
                yield ord(character), ord(folded)
