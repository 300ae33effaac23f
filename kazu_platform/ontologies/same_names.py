"""Keys by which curations find names: equal keys, equal names.

Three of them, from strict to loose. `same_name` folds dashes, quotes and blanks: what a person
means by a name of a concept. `same_string` is what a text may hold where it means the name: the
case is folded too, hyphens and blanks between letters and digits do not count ("COX-2", "COX 2",
"COX2"), and Greek letters are their names. `in_its_case` is `same_string` with the case kept.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kazu_platform.text.fold import fold, fold_name, fold_table
from kazu_platform.text.spellings import GREEK

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SQUEEZED = dict.fromkeys([*map(chr, range(0x21)), "-", "\x7f"], "") | dict.fromkeys('"`', "'")
"""What folding makes of ASCII characters, apart from their case, and blanks and hyphens gone."""

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\s-]")


def same_name(name: str) -> str:
    r"""Fold dashes, quotes and blanks.

    >>> same_name("TNF\u2011α ")
    'TNF-α'
    """
    return fold_name(name, keep_case=True)


def in_its_case(name: str) -> str:
    """Spell Greek letters out and part letters from digits, whatever stands between them.

    >>> in_its_case("COX-2"), in_its_case("COX2"), in_its_case("TNF-α"), in_its_case("Cox 2")
    ('COX 2', 'COX 2', 'TNF alpha', 'Cox 2')
    """
    tokens = (token.translate(_spelled()) for token in _TOKEN.findall(same_name(name)))
    return " ".join(tokens)


def same_string(name: str) -> str:
    """The same in any case.

    >>> same_string("COX-2") == same_string("cox 2")
    True
    >>> same_string("breastcancer") == same_string("breast cancer")
    False
    """
    return fold(in_its_case(name))


@cache
def _spelled() -> Mapping[int, str]:
    """The name of every code point that folds to a Greek letter: capitals, the micro sign."""
    letters = np.array([ord(letter) for letter in GREEK])
    points = np.flatnonzero(np.isin(fold_table(), letters))
    return {int(point): GREEK[chr(fold_table()[point])] for point in points}


def with_same_string(names: pl.Series, wanted: Collection[str]) -> pl.Series:
    """Which names have one of these strings, over a whole column.

    Only names that are equal without blanks, hyphens and Greek letters are looked at one by one.

    >>> with_same_string(pl.Series(["COX2", "was", "TNF-α"]), ["cox-2", "TNF alpha"]).to_list()
    [True, False, True]
    """
    asked = {same_string(name) for name in wanted}
    near = compact(names).is_in(list({string.replace(" ", "") for string in asked}))
    at = near.arg_true()
    equal = [same_string(name) in asked for name in names.gather(at).to_list()]
    found = pl.Series([False]).new_from_index(0, len(names))
    return found.scatter(at, equal) if len(at) else found


def compact(names: pl.Series) -> pl.Series:
    """`same_string` without its blanks, over a whole column: ASCII at once, the rest one by one."""
    plain = names.str.len_bytes() == names.str.len_chars()
    squeezed = names.str.to_lowercase().str.replace_many(list(_SQUEEZED), list(_SQUEEZED.values()))
    at = (~plain).arg_true()
    if len(at) == 0:
        return squeezed
    others = [same_string(name).replace(" ", "") for name in names.gather(at).to_list()]
    return squeezed.scatter(at, others)
