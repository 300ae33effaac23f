"""Which of the sentences that nobody marked a student learns from, and after whose guideline.

Most sentences of a text name nothing; and where corpora disagree, a mixture of their guidelines is
learnt as one more that is none of theirs. So a sentence can be taken for one of the corpus that it
is most like, by a naive Bayes of its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa

from kazu_platform.errors import TrainingError
from kazu_platform.training.texts import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

LEAST_SHARE: Final = 0.5
"""A word is one of a class where at least this share of its occurrences is marked."""
SURE: Final = 4.0
"""Nats by which a sentence must be likelier in another corpus than in the first."""
_SEEN: Final = 5
T = TypeVar("T")
_UNMARKED = pl.col("origin") == UNLABELLED
_WORD = pl.col("words").str.to_lowercase()


def with_names(rows: pa.Table, classes: Collection[str]) -> pa.Table:
    """Leave out those unmarked sentences that have no word of a name.

    Args:
        rows: LABELLED_SENTENCES.
        classes: Whose names; none: nothing is left out.
    """
    if not classes:
        return rows
    frame = pl.DataFrame(rows).with_row_index("row")
    marked = frame.filter(
        ~_UNMARKED & pl.col("classes").list.eval(pl.element().is_in(list(classes))).list.any()
    )
    inside = (
        _exploded(marked.select("row", "mentions"), "mentions")
        .unnest("mentions")
        .filter(pl.col("entity_class").is_in(list(classes)))
        .select("row", place=pl.int_ranges("first", "last").cast(pl.List(pl.Int64)))
    )
    names = (
        _words(marked)
        .join(
            _exploded(inside, "place").unique().with_columns(named=pl.lit(value=True)),
            on=["row", "place"],
            how="left",
        )
        .group_by("words")
        .agg(share=pl.col("named").fill_null(value=False).mean())
        .filter((pl.col("share") >= LEAST_SHARE) & pl.col("words").str.contains(r"\p{L}"))
    )
    has_name = _words(frame.filter(_UNMARKED)).join(names, on="words", how="semi")["row"].unique()
    kept = frame.select(keep=~_UNMARKED | pl.col("row").is_in(has_name.implode()))["keep"]
    return rows.filter(kept.to_arrow())


def ascribed(rows: pa.Table, corpora: Sequence[str]) -> pa.Table:
    """Take unmarked sentences for those of the corpus that they are most like.

    Args:
        rows: LABELLED_SENTENCES.
        corpora: The first has all sentences that are not surely (`SURE`) more like another; none:
            nothing is changed.

    Returns:
        The same; the corpus of an unmarked sentence is `as_of` one of the corpora.

    Raises:
        TrainingError: a corpus has no sentences.
    """
    if not corpora:
        return rows
    frame = pl.DataFrame(rows).with_row_index("row")
    present = _words(frame).select("row", "words").unique()
    sizes = {name: int((frame["corpus"] == name).sum()) for name in corpora}
    if unknown := [name for name, n in sizes.items() if not n]:
        there = ", ".join(frame["corpus"].unique().sort())
        raise TrainingError(f"alike: no sentence is of {', '.join(unknown)}; there is {there}.")
    seen = present.join(frame.select("row", "corpus"), on="row")
    counts = (
        seen.filter(pl.col("corpus").is_in(list(corpora)) & pl.col("words").str.contains(r"\p{L}"))
        .group_by("words")
        .agg(*((pl.col("corpus") == name).sum().alias(name) for name in corpora))
        .filter(pl.sum_horizontal(corpora) >= _SEEN)
    )
    odds = counts.select(
        "words", *(((pl.col(name) + 1) / (n + 2)).log().alias(name) for name, n in sizes.items())
    )
    sums = (
        present.join(frame.filter(_UNMARKED).select("row"), on="row", how="semi")
        .join(odds, on="words")
        .group_by("row")
        .agg(pl.col(list(corpora)).sum())
    )
    values = sums.select(corpora).to_numpy().copy()
    values[:, 0] += SURE
    like = pl.DataFrame(
        {"row": sums["row"], "like": np.array(corpora, object)[values.argmax(axis=1)].astype(str)}
    )
    names = {name: as_of(name) for name in corpora}
    corpus = (
        frame.select("row", "corpus", "origin")
        .join(like, on="row", how="left", maintain_order="left")
        .select(
            pl.when(_UNMARKED)
            .then(pl.col("like").fill_null(corpora[0]).replace_strict(names))
            .otherwise("corpus")
        )
        .to_series()
    )
    place = rows.schema.get_field_index("corpus")
    return rows.set_column(place, rows.schema.field(place), corpus.to_arrow().cast(pa.string()))


def as_of(corpus: str) -> str:
    """What unmarked sentences are called that are taken for a corpus's."""
    return f"{UNLABELLED} as {corpus}"


def told_as_of(by_key: Mapping[str, T], corpora: Sequence[str]) -> dict[str, T]:
    """What is told of corpora by "corpus class", and the same of the sentences taken for theirs."""
    more: dict[str, T] = {}
    for key, value in by_key.items():
        corpus, _, entity_class = key.rpartition(" ")
        if corpus in corpora:
            more[f"{as_of(corpus)} {entity_class}"] = value
    return {**by_key, **more}


def _words(frame: pl.DataFrame) -> pl.DataFrame:
    """Every word, in small letters, with its place in its sentence."""
    return _exploded(frame.select("row", "words"), "words").with_columns(
        _WORD, place=pl.int_range(pl.len()).over("row")
    )


def _exploded(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.filter(pl.col(column).list.len() > 0).explode(column)
