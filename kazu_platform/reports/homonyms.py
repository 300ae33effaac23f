"""Homonyms: names of concepts that are also common English words.

Once a label "was" made millions of false associations. A word of the list is not wrong as such
("cancer" is one): what counts is who is called by it, in which case it matches, and how often.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.reports.examples import no_examples, with_examples
from kazu_platform.reports.first_links import decided, linkers_view, no_links
from kazu_platform.reports.strings import as_table, strings_of
from kazu_platform.tables import HOMONYMS
from kazu_platform.text.fold_column import fold_names

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.reports.examples import Examples

HOMONYMS_VERSION = "2"
MAX_LISTED = 20
FLOOD_SHARE = 0.005
"""Of all mentions: more than that no single English word should be."""
SYMBOL_CLASSES = ("gene", "chemical", "cell_line")
"""Classes of coined names; in others a common word may well be the name ("cancer", "heart")."""
COMMON = 4.5
"""Zipf value of a word that every reader knows ("star", "camp", "impact")."""
FUNCTION_WORD = 5.9
"""Zipf value above which words mean little in any class ("was", "may", "one", "has")."""


@cache
def english_words() -> pl.DataFrame:
    """Words used at least once in a million, with their Zipf value: word, zipf."""
    from wordfreq import get_frequency_dict  # 0.25 s

    frequencies = get_frequency_dict("en", wordlist="small")
    words = pl.DataFrame({"word": list(frequencies), "share": list(frequencies.values())})
    return words.filter(pl.col("word").str.contains(r"^\p{L}[\p{L}'-]+$")).select(
        "word", (pl.col("share").log(10) + 9).round(2).alias("zipf")
    )


def find_homonyms(
    synonyms: pa.Table,
    surfaces: pa.Table,
    *,
    words: pl.DataFrame | None = None,
    links: pl.DataFrame | None = None,
    examples: Examples = no_examples,
) -> pa.Table:
    """Names that are common English words, most mentions first (HOMONYMS).

    Args:
        synonyms: SYNONYMS of all ontologies; names of obsolete concepts do not count.
        surfaces: SURFACES of the corpus.
        words: word, zipf; English as it is if not given.
        links: the best link of each surface; see `first_links`.
        examples: finds sentences of surfaces; see `examples`.
    """
    names = _english_names(synonyms, english_words() if words is None else words)
    key = ["entity_class", "word"]
    strings = strings_of(surfaces).rename({"folded": "word"}).join(names, on=key, how="semi")
    ranked = (
        _described(names)
        .join(_mentions(strings), on=key, how="left")
        .join(decided(strings, key, no_links() if links is None else links), on=key, how="left")
        .with_columns(pl.col("n_mentions").fill_null(0))
        .sort(["n_mentions", "zipf", "word", "entity_class"], descending=[True, True, False, False])
    )
    return as_table(HOMONYMS, with_examples(ranked, examples))


def floods(homonyms: pa.Table, n_mentions: int) -> pa.Table:
    """Active names that no person would let pass: an English word, and too many mentions of it.

    Only mentions in the case of a word count: "APP" is no word of English, but "The" is one.

    Args:
        homonyms: HOMONYMS.
        n_mentions: mentions of all strings of the lake.
    """
    coined = pl.col("entity_class").is_in(SYMBOL_CLASSES) & (pl.col("zipf") >= COMMON)
    return (
        pl.DataFrame(homonyms)
        .filter(
            pl.col("active"),
            coined | (pl.col("zipf") >= FUNCTION_WORD),
            pl.col("n_mentions") * pl.col("word_case_share") > FLOOD_SHARE * n_mentions,
        )
        .select("word", "entity_class", "n_mentions", "sentence")
        .to_arrow()
    )


def worst(homonyms: pa.Table, n: int = 10) -> pa.Table:
    """The first rows of a report for a person to read."""
    return (
        pl.DataFrame(homonyms)
        .filter(pl.col("n_mentions") > 0)
        .head(n)
        .select(
            "word",
            pl.col("entity_class").alias("class"),
            pl.col("names").list.join(", ").alias("written"),
            pl.col("concept_ids").list.head(3).list.join(", ").alias("concepts"),
            "zipf",
            "active",
            pl.col("n_mentions").alias("mentions"),
            (100 * pl.col("word_case_share"))
            .round(0)
            .cast(pl.Int64)
            .alias("% in the case of a word"),
            *linkers_view(),
            pl.format("{} ({})", "sentence", "sentence_doc_id").alias("sentence"),
        )
        .to_arrow()
    )


def held_back(homonyms: pa.Table) -> pa.Table:
    """How many English words each rule holds back, with the commonest of them."""
    return (
        pl.DataFrame(homonyms.select(["word", "zipf", "active", "held_back_by"]))
        .filter(~pl.col("active"))
        .explode("held_back_by")
        .sort(["zipf", "word"], descending=[True, False])
        .group_by(pl.col("held_back_by").fill_null("?").alias("held back by"))
        .agg(
            pl.len().alias("words"),
            pl.col("word").unique(maintain_order=True).head(10).alias("such as"),
        )
        .with_columns(pl.col("such as").list.join(", "))
        .sort(["words", "held back by"], descending=[True, False])
        .to_arrow()
    )


def _english_names(synonyms: pa.Table, words: pl.DataFrame) -> pl.DataFrame:
    columns = ["concept_id", "entity_class", "name", "case_sensitive", "active", "held_back_by"]
    names = pl.DataFrame(synonyms.select(columns)).filter(
        pl.col("held_back_by").ne_missing("obsolete"), ~pl.col("name").str.contains(r"[\s\d]")
    )
    return names.with_columns(fold_names(names["name"]).alias("word")).join(words, on="word")


def _described(names: pl.DataFrame) -> pl.DataFrame:
    return names.group_by("entity_class", "word").agg(
        pl.col("name").unique().sort().head(MAX_LISTED).alias("names"),
        pl.col("concept_id").unique().sort().head(MAX_LISTED).alias("concept_ids"),
        pl.col("concept_id").n_unique().cast(pl.Int64).alias("n_concepts"),
        pl.col("zipf").first(),
        pl.col("active").any(),
        (pl.col("active") & ~pl.col("case_sensitive")).any().alias("any_case"),
        pl.col("held_back_by").drop_nulls().unique().sort(),
    )


def _mentions(strings: pl.DataFrame) -> pl.DataFrame:
    """Mentions of each word of a class; a surface, in the case of a word if there is."""
    word_case = pl.col("text") != pl.col("text").str.to_uppercase()
    return (
        strings.sort([word_case, "n_mentions", "surface_id"], descending=[True, True, False])
        .group_by("entity_class", "word", maintain_order=True)
        .agg(
            pl.col("n_mentions").sum(),
            (pl.col("n_mentions").filter(word_case).sum() / pl.col("n_mentions").sum()).alias(
                "word_case_share"
            ),
            pl.col("surface_id").first(),
        )
    )
