"""Which names match only in the case they are written in.

Belongs here: one rule, by the shape of a name. Does not: frequencies, curation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

CASE_RULES_VERSION = "1"

_LONG = r"\S{7,}"
# A token of two characters or more that a sentence could hold: no digit, no later capital.
_WORD = r"(?:^|\s)[^\s\d][^\s\d\p{Lu}]+(?:\s|$)"
_SYMBOL = r"\d|\S\p{Lu}"
_SHORT = 3


def case_sensitive(names: pl.Expr) -> pl.Expr:
    """Names that look like symbols: in another case they would be another word.

    A token looks like a symbol if it has at most six characters, and a digit or a capital after its
    first character. A name is case-sensitive if it has at most three characters, or if it has such
    tokens and besides them only single characters. Long words in capitals, as ChEMBL writes its
    names, and names with a word in them are not.

    >>> import polars as pl
    >>> names = ["BRCA1", "p53", "WAS", "rat", "HLA A", "COX 1"]
    >>> pl.DataFrame({"name": names}).select(case_sensitive(pl.col("name")))["name"].to_list()
    [True, True, True, True, True, True]
    >>> names = ["LEVCROMAKALIM", "asthma", "type 2 diabetes", "IL-2 receptor", "vitamin A"]
    >>> pl.DataFrame({"name": names}).select(case_sensitive(pl.col("name")))["name"].to_list()
    [False, False, False, False, False]
    """
    all_symbols = (
        names.str.contains(_SYMBOL) & ~names.str.contains(_LONG) & ~names.str.contains(_WORD)
    )
    return (names.str.len_chars() <= _SHORT) | all_symbols
