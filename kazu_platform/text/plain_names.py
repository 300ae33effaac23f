"""ASCII names taken apart into words, all of them at once as one text of lines.

A regular expression costs some hundred nanoseconds for each name that it is asked of, before it
has read a letter. Nearly all names are ASCII: of these, letters, digits and signs are told apart by
tables of bytes over the whole column. `normalise` says what is done, this only does it fast; a law
holds the two together.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np
import polars as pl

PLAIN = r"\A[ -~]*\z"
"""ASCII on one line."""

_LETTER, _DIGIT = 1, 2
_KEPT_SIGNS = "+'"
_BLANK, _LINE = b" \n"


def _table(signs: str) -> bytes:
    """Bytes that stay themselves: letters, digits, ends of lines and these signs."""
    kept = f"{ascii_lowercase}{digits}{signs}\n".encode()
    return bytes(code if code in kept else _BLANK for code in range(256))


_KINDS = bytes(
    _LETTER if chr(code) in ascii_lowercase else _DIGIT if chr(code) in digits else 0
    for code in range(256)
)
_LOWER = bytes.maketrans(ascii_uppercase.encode(), ascii_lowercase.encode())


def as_text(names: pl.Series) -> str:
    r"""One text of a column of names in lower case, a line each.

    >>> as_text(pl.Series(["COX-2", "TNF alpha"]))
    'cox-2\ntnf alpha'
    """
    joined: str = names.str.join("\n")[0]
    return joined.encode().translate(_LOWER).decode()


def lines_of(text: str) -> pl.Series:
    r"""The lines of a text as a column; it has one more than line breaks.

    >>> lines_of("a\n\nb").to_list()
    ['a', '', 'b']
    """
    return pl.Series([text], dtype=pl.String).str.split("\n").explode()


def set_apart(text: str, *, primes: bool) -> str:
    r"""Words of each line between blanks, one on either side: other signs end a word.

    A plus stays, with `primes` an apostrophe too, and letters and digits are words of their own.

    >>> set_apart("cox-2 (human)\n\n3'-end", primes=True)
    " cox  2  human \n  \n 3'  end "
    """
    kept = text.encode().translate(_table(_KEPT_SIGNS if primes else "+"))
    kinds = np.frombuffer(kept.translate(_KINDS), np.uint8)
    letters = np.frombuffer(kept, np.uint8)
    borders = np.flatnonzero(kinds[1:] ^ kinds[:-1] == _LETTER ^ _DIGIT) + 1
    if borders.size:
        letters = np.insert(letters, borders, _BLANK)
    # Of a run of blanks the last one is left, and none at either end of a line.
    blank, line = letters == _BLANK, letters == _LINE
    letters = letters[~(blank & np.append((blank | line)[1:], True))]
    before = np.append(True, letters[:-1] == _LINE)
    single = letters[~(before & (letters == _BLANK))].tobytes()
    spaced = single.replace(b" ", b"  ").replace(b"\n", b" \n ").decode()
    return f" {spaced} "
