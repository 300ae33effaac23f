"""What a newer vocabulary would do to the mentions in the lake, before it is matched.

A string that no vocabulary of the class matches any more is lost with all its mentions; one that
stays but belongs to other concepts is linked again; one that is new is looked for in texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.reports.difference import Version, names_in_use, vocabulary_difference
from kazu_platform.reports.strings import as_table, strings_of
from kazu_platform.tables import LINKS, SURFACES, SYNONYMS, VOCABULARY_CHANGES
from kazu_platform.text.fold_column import fold_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

LOST, GAINED, RELINKED = "lost", "gained", "relinked"
MAX_DOCUMENTS = 10_000
"""Documents that are searched for names that are new."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is known of the lake before the change.

    Attributes:
        others: SYNONYMS of the other ontologies of the class.
        surfaces: SURFACES.
        links: LINKS.
        texts: PASSAGES in which new names are looked for, in parts; read only if there are any.
        max_documents: how many documents of them are searched.
    """

    others: pa.Table = field(default_factory=SYNONYMS.empty)
    surfaces: pa.Table = field(default_factory=SURFACES.empty)
    links: pa.Table = field(default_factory=LINKS.empty)
    texts: Iterable[pa.Table] = ()
    max_documents: int = MAX_DOCUMENTS


@dataclass(frozen=True, slots=True)
class Prediction:
    """VOCABULARY_CHANGES with effects, and in how many documents new names were looked for."""

    changes: pa.Table
    n_documents: int


def predict(old: Version, new: Version, corpus: Corpus) -> Prediction:
    """The difference between two versions, with its effect on the lake."""
    changes = pl.DataFrame(vocabulary_difference(old, new))
    changes = changes.with_columns(fold_names(changes["name"])).drop("effect", "n_mentions")
    of_names = changes.filter(~_IS_CONCEPT)
    effects = _effects(of_names, old, new, corpus.others)
    class_ = changes.head(1).select("entity_class")
    strings = strings_of(corpus.surfaces).join(class_, on="entity_class", how="semi")
    gained = effects.filter(pl.col("effect") == GAINED)
    found, n_documents = _search(new.synonyms, gained, corpus)
    there = strings.group_by("folded").agg(pl.col("n_mentions").sum())
    counts = pl.concat([there.join(gained, on="folded", how="anti"), found])
    # A string that no surface has has no mention; one that was not looked for is not known.
    unknown = pl.lit(None, pl.Int64) if n_documents == 0 else pl.lit(0, pl.Int64)
    counted = (
        of_names.join(effects, on="folded", how="left")
        .join(counts, on="folded", how="left")
        .with_columns(
            pl.col("n_mentions").fill_null(
                pl.when(pl.col("effect") == GAINED).then(unknown).otherwise(0)
            )
        )
    )
    concepts = changes.filter(_IS_CONCEPT).join(
        _linked(corpus.links, strings), on="concept_id", how="left"
    )
    rows = pl.concat(
        [
            counted.select(VOCABULARY_CHANGES.schema.names),
            concepts.with_columns(
                pl.lit(None, pl.String).alias("effect"), pl.col("n_mentions").fill_null(0)
            ).select(VOCABULARY_CHANGES.schema.names),
        ]
    ).sort(VOCABULARY_CHANGES.order)
    return Prediction(as_table(VOCABULARY_CHANGES, rows), n_documents)


def totals(changes: pa.Table) -> pa.Table:
    """Strings and mentions by effect; a string that several concepts have counts once."""
    frame = pl.DataFrame(changes.select(["name", "effect", "n_mentions"]))
    return (
        frame.with_columns(fold_names(frame["name"]))
        .filter(pl.col("effect").is_not_null())
        .unique(["folded", "effect"])
        .group_by("effect")
        .agg(
            pl.len().alias("strings"),
            (pl.col("n_mentions") > 0).sum().alias("with mentions"),
            pl.col("n_mentions").sum().alias("mentions"),
        )
        .sort("effect")
        .to_arrow()
    )


_IS_CONCEPT = pl.col("change").str.starts_with("concept_")


def _effects(changes: pl.DataFrame, old: Version, new: Version, others: pa.Table) -> pl.DataFrame:
    """What becomes of each string that a change names: folded, effect."""
    strings = changes.select("folded").unique()
    elsewhere = pl.DataFrame(others.select(["name", "active"])).filter("active").select("name")
    elsewhere = elsewhere.with_columns(fold_names(elsewhere["name"]))
    kept = pl.col("folded").is_in(elsewhere["folded"].unique().implode())
    before, after = _owners(names_in_use(old)), _owners(names_in_use(new))
    was, now = pl.col("active") | kept, pl.col("active_now") | kept
    effect = (
        pl.when(was & ~now)
        .then(pl.lit(LOST))
        .when(~was & now)
        .then(pl.lit(GAINED))
        .when(was & now & (pl.col("owners") != pl.col("owners_now")))
        .then(pl.lit(RELINKED))
    )
    return (
        strings.join(before, on="folded", how="left")
        .join(after, on="folded", how="left", suffix="_now")
        .with_columns(
            pl.col("active", "active_now").fill_null(value=False),
            pl.col("owners", "owners_now").fill_null(""),
        )
        .select("folded", effect.alias("effect"))
    )


def _owners(names: pl.DataFrame) -> pl.DataFrame:
    """The concepts of each string, and whether it is matched."""
    return names.group_by("folded").agg(
        pl.col("active").any(), pl.col("concept_id").sort().str.join(" ").alias("owners")
    )


def _linked(links: pa.Table, strings: pl.DataFrame) -> pl.DataFrame:
    """Mentions that are linked to each concept."""
    best = pl.DataFrame(links.select(["surface_id", "concept_id", "rank"]))
    return (
        best.filter(pl.col("rank") == 1)
        .join(strings.select("surface_id", "n_mentions"), on="surface_id")
        .group_by("concept_id")
        .agg(pl.col("n_mentions").sum())
    )


def _search(synonyms: pa.Table, gained: pl.DataFrame, corpus: Corpus) -> tuple[pl.DataFrame, int]:
    """How often strings stand in the texts (folded, n_mentions), and how many were searched."""
    names = pl.DataFrame(synonyms.select(["name"]))
    wanted = fold_names(names["name"]).is_in(gained["folded"].implode())
    found = [pl.DataFrame(schema={"folded": pl.String})]
    n_documents = 0
    if wanted.any():
        with TemporaryDirectory(prefix="names-") as folder:
            build_dictionary_index(synonyms.filter(wanted.to_arrow()), Path(folder))
            detector = DictionaryDetector(open_dictionary_index(Path(folder)))
            for passages in _first(corpus.texts, corpus.max_documents):
                n_documents += len(passages["doc_id"].unique())
                texts = pl.DataFrame(detector.detect(passages).select(["text"]))
                found.append(texts.select(fold_names(texts["text"])))
    counts = pl.concat(found).group_by("folded").agg(pl.len().cast(pl.Int64).alias("n_mentions"))
    return counts, n_documents


def _first(texts: Iterable[pa.Table], max_documents: int) -> Iterable[pa.Table]:
    """The passages of the first documents."""
    left = max_documents
    for passages in texts:
        ids = pl.Series(passages["doc_id"])
        place = ids.ne_missing(ids.shift()).cum_sum()
        yield passages.filter((place <= left).to_arrow())
        left -= int(place.max() or 0)  # pyright: ignore[reportArgumentType] - a count
        if left <= 0:
            return


def lost_share(changes: pa.Table, surfaces: pa.Table) -> float:
    """Share of the mentions of the ontology's class that would be lost with their names."""
    class_ = pl.DataFrame(changes.select(["entity_class"])).unique()
    of_class = pl.DataFrame(surfaces.select(["entity_class", "n_mentions"])).join(
        class_, on="entity_class", how="semi"
    )
    gone = pl.DataFrame(totals(changes)).filter(pl.col("effect") == LOST)
    lost, there = int(gone["mentions"].sum()), int(of_class["n_mentions"].sum())
    return lost / max(1, lost, there)
