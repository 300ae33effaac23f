"""What is another in a newer version of an ontology's vocabulary, concept by concept.

Concepts are the same if their ids are, names of a concept if they fold alike. Names of obsolete
concepts are no names: they go when their concept goes, or move to what replaces it. Names that a
rule generated count as the others do, because they are matched as the others are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.reports.strings import as_table
from kazu_platform.tables import VOCABULARY_CHANGES
from kazu_platform.text.fold_column import fold_names

if TYPE_CHECKING:
    import pyarrow as pa

DIFFERENCE_VERSION = "1"
_WEAKEST_FIRST = ["broad", "narrow", "related", "abbreviation", "exact", "label"]
_NAME = ["concept_id", "folded"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an ontology: CONCEPTS and SYNONYMS."""

    concepts: pa.Table
    synonyms: pa.Table

    @property
    def name(self) -> str:
        """What the file declares as its version."""
        return self.concepts["ontology_version"][0].as_py() if self.concepts.num_rows else ""


def vocabulary_difference(old: Version, new: Version) -> pa.Table:
    """Every change between two versions (VOCABULARY_CHANGES); effects are not yet known.

    A name that left one concept for another of the same ontology moved; that is not told again as
    a name removed here and added there.
    """
    before, after = names_in_use(old), names_in_use(new)
    changes = pl.concat(
        [
            _concept_changes(pl.DataFrame(old.concepts), pl.DataFrame(new.concepts)),
            *_come_and_gone(before, after),
            *_altered(before, after),
        ]
    )
    source = new.concepts if new.concepts.num_rows else old.concepts
    constants = pl.DataFrame(source.select(["ontology", "entity_class"])).head(1)
    rows = changes.join(constants, how="cross").with_columns(
        pl.lit(old.name).alias("from_version"),
        pl.lit(new.name).alias("to_version"),
        pl.lit(None, pl.String).alias("effect"),
        pl.lit(None, pl.Int64).alias("n_mentions"),
    )
    return as_table(VOCABULARY_CHANGES, rows.sort(VOCABULARY_CHANGES.order))


def names_in_use(version: Version) -> pl.DataFrame:
    """A row for each folded name of each concept that is not obsolete.

    Where several names fold alike, the strongest scope counts, and the name that has it.
    """
    in_use = pl.DataFrame(version.concepts).filter(~pl.col("obsolete")).select("concept_id")
    columns = ["concept_id", "name", "scope", "active", "case_sensitive", "held_back_by"]
    names = pl.DataFrame(version.synonyms.select(columns)).join(
        in_use.unique(), on="concept_id", how="semi"
    )
    rank = pl.col("scope").cast(pl.Enum(_WEAKEST_FIRST))
    inactive = ~pl.col("active")
    return (
        names.with_columns(fold_names(names["name"]), rank=rank)
        .sort(["rank", "active", "name"], descending=[True, True, False])
        .group_by(_NAME, maintain_order=True)
        .agg(
            pl.col("name", "scope", "held_back_by").first(),
            pl.col("active").any(),
            (pl.col("case_sensitive") | inactive).all().alias("case_sensitive"),
        )
    )


def summary(changes: pa.Table) -> pa.Table:
    """How many changes of each kind, and the mentions they concern."""
    return (
        pl.DataFrame(changes.select(["change", "effect", "n_mentions"]))
        .group_by("change", "effect")
        .agg(
            pl.len().alias("rows"),
            (pl.col("n_mentions") > 0).sum().alias("with mentions"),
            pl.col("n_mentions").sum().alias("mentions"),
        )
        .sort("change", "effect", nulls_last=True)
        .to_arrow()
    )


def foremost(changes: pa.Table, n: int = 20) -> pa.Table:
    """The changes that concern most mentions, for a person to read."""
    columns = ["change", "concept_id", "name", "other", "effect", "n_mentions"]
    return (
        pl.DataFrame(changes.select(columns))
        .sort(
            [pl.col("n_mentions").fill_null(0), "change", "concept_id", "name"],
            descending=[True, False, False, False],
        )
        .head(n)
        .rename({"n_mentions": "mentions"})
        .to_arrow()
    )


def _concept_changes(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    columns = ["concept_id", "label", "obsolete", "replaced_by"]
    both = old.select(columns).join(new.select(columns), on="concept_id", how="full", coalesce=True)
    gone, came = pl.col("obsolete_right").is_null(), pl.col("obsolete").is_null()
    # What never was in use, or came obsolete, changes nothing.
    was, now = ~pl.col("obsolete").fill_null(value=True), ~pl.col("obsolete_right").fill_null(True)  # noqa: FBT003 - polars
    change = (
        pl.when(was & gone)
        .then(pl.lit("concept_removed"))
        .when(was & ~now & pl.col("replaced_by_right").is_not_null())
        .then(pl.lit("concept_replaced"))
        .when(was & ~now)
        .then(pl.lit("concept_obsoleted"))
        .when(came & now)
        .then(pl.lit("concept_added"))
        .when(~was & now)
        .then(pl.lit("concept_restored"))
        .when(was & now & (pl.col("label") != pl.col("label_right")))
        .then(pl.lit("concept_relabelled"))
    )
    other = (
        pl.when(pl.col("change") == "concept_replaced")
        .then("replaced_by_right")
        .when(pl.col("change") == "concept_relabelled")
        .then("label_right")
    )
    return (
        both.with_columns(change=change)
        .filter(pl.col("change").is_not_null())
        .select(
            "change",
            "concept_id",
            pl.coalesce("label", "label_right").alias("name"),
            other.alias("other"),
        )
    )


def _come_and_gone(before: pl.DataFrame, after: pl.DataFrame) -> list[pl.DataFrame]:
    """Names added to a concept, removed from one, or moved from one to others."""
    removed = before.join(after, on=_NAME, how="anti")
    added = after.join(before, on=_NAME, how="anti")
    homes = added.group_by("folded").agg(pl.col("concept_id").sort().alias("homes"))
    moved = removed.join(homes, on="folded")
    moved_to = pl.col("homes").list.join(", ")
    return [
        _rows("name_moved", moved, moved_to),
        _rows("name_removed", removed.join(homes, on="folded", how="anti"), pl.lit(None)),
        _rows("name_added", added.join(removed, on="folded", how="anti"), pl.lit(None)),
    ]


def _altered(before: pl.DataFrame, after: pl.DataFrame) -> list[pl.DataFrame]:
    """Names that stayed with their concept but are treated in another way."""
    both = before.join(after, on=_NAME, suffix="_now")
    was, now = pl.col("active"), pl.col("active_now")
    case = pl.when("case_sensitive_now").then(pl.lit("in its case")).otherwise(pl.lit("any case"))
    case_changed = was & now & (pl.col("case_sensitive") != pl.col("case_sensitive_now"))
    return [
        _rows(change, both.filter(condition), other)
        for change, condition, other in (
            ("name_respelled", pl.col("name") != pl.col("name_now"), pl.col("name_now")),
            ("scope_changed", pl.col("scope") != pl.col("scope_now"), pl.col("scope_now")),
            ("name_activated", ~was & now, pl.lit(None)),
            ("name_held_back", was & ~now, pl.col("held_back_by_now")),
            ("case_rule_changed", case_changed, case),
        )
    ]


def _rows(change: str, names: pl.DataFrame, other: pl.Expr) -> pl.DataFrame:
    return names.select(
        pl.lit(change).alias("change"), "concept_id", "name", other.cast(pl.String).alias("other")
    )
