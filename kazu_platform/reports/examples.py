"""Examples: a real sentence for each string that a report is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.tables import CITATIONS, MENTIONS, SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kazu_platform.storage.lake import Lake

    Examples = Callable[[Sequence[str]], pl.DataFrame]

MAX_EXAMPLES = 200
"""Sentences are looked up for the rows at the top of a report; nobody reads the others."""

_SENTENCE = ["doc_id", "content_hash", "section", "sentence"]
_FOUND = {"surface_id": pl.String, "sentence_doc_id": pl.String, "sentence": pl.String}


def no_examples(_surface_ids: Sequence[str]) -> pl.DataFrame:
    """No sentence for any surface."""
    return pl.DataFrame(schema=_FOUND)


def example_sentences(lake: Lake, surface_ids: Sequence[str]) -> pl.DataFrame:
    """A sentence with a mention of each surface: surface_id, sentence_doc_id, sentence.

    The newest files are read first, and no more of them than it takes: what is frequent is soon
    found.
    """
    wanted = pl.Series(surface_ids, dtype=pl.String).unique()
    found = [no_examples([])]
    for file in reversed(lake.partitions(MENTIONS)):
        if wanted.is_empty():
            break
        here = _in_file(lake, file, wanted)
        wanted = wanted.filter(~wanted.is_in(here["surface_id"].implode()))
        found.append(here)
    return pl.concat(found)


def _in_file(lake: Lake, file: str, wanted: pl.Series) -> pl.DataFrame:
    first = (
        lake.scan(MENTIONS, file, ["surface_id", *_SENTENCE])
        .filter(pl.col("surface_id").is_in(wanted.implode()))
        .unique("surface_id", keep="first", maintain_order=True)
        .collect()
    )
    if first.is_empty():
        return no_examples([])
    texts = (
        lake.scan(CITATIONS, file, ["doc_id", "content_hash", "sections"])
        .filter(pl.col("content_hash").is_in(first["content_hash"].unique().implode()))
        .unique(["doc_id", "content_hash"])
    )
    section = pl.col("sections").list.get(pl.col("section")).struct.field("text")
    return (
        lake.scan(SENTENCES, file)
        .join(first.lazy(), on=_SENTENCE)
        .join(texts, on=["doc_id", "content_hash"])
        .select(
            "surface_id",
            pl.col("doc_id").alias("sentence_doc_id"),
            section.str.slice(pl.col("start"), pl.col("end") - pl.col("start")).alias("sentence"),
        )
        .collect()
    )


def with_examples(ranked: pl.DataFrame, examples: Examples) -> pl.DataFrame:
    """Add sentence_doc_id and sentence to the first rows of a report.

    Args:
        ranked: rows in the order of the report, with the `surface_id` of a mention or null.
        examples: finds sentences of surfaces.
    """
    top = ranked.head(MAX_EXAMPLES)["surface_id"].drop_nulls().unique().to_list()
    return ranked.join(examples(top), on="surface_id", how="left", maintain_order="left")
