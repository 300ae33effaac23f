"""How common a word is in English, by the frequency list of the package wordfreq.

The list joins books, news, subtitles, encyclopaedias and the web. Its unit is the Zipf scale: the
decimal logarithm of occurrences per billion words, so "the" has 7.7, "mouse" 4.3, "HeLa" 2.7.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

import polars as pl

ENGLISH_VERSION = f"wordfreq-{version('wordfreq')}"
_PER_BILLION = 1e9


def zipf(words: pl.Series) -> pl.Series:
    """Zipf frequency of each word in lower case; 0 for what is no word of the list.

    >>> zipf(pl.Series(["was", "Mouse", "MDA-MB-231"])).round(1).to_list()
    [6.8, 4.3, 0.0]
    """
    if words.is_empty():  # the list takes half a second to load
        return pl.Series(words.name, [], pl.Float64)
    asked = words.str.to_lowercase().to_frame("word")
    found = asked.join(_frequencies(), on="word", how="left", maintain_order="left")
    return found["zipf"].fill_null(0.0)


@cache
def _frequencies() -> pl.DataFrame:
    from wordfreq import get_frequency_dict

    frequencies: dict[str, float] = get_frequency_dict("en", wordlist="best")
    return pl.DataFrame(
        {"word": list(frequencies), "zipf": list(frequencies.values())},
        schema={"word": pl.String, "zipf": pl.Float64},
    ).with_columns((pl.col("zipf") * _PER_BILLION).log10().round(2))
