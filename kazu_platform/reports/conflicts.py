"""Conflicts: one string, several concepts.

Within a class, names are compared once normalised, because that is how a mention is linked: in one
ontology (`within_ontology`), and where ontologies add to each other's concepts
(`across_ontologies`). Between classes they are compared folded (`across_classes`), because that is
how a text is matched. Names that may be linked count, whether they are matched in texts or not.
Concepts that are known to be equivalent are one concept and no conflict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.reports.examples import no_examples, with_examples
from kazu_platform.reports.first_links import decided, linkers_view, no_links
from kazu_platform.reports.strings import as_table, strings_of
from kazu_platform.tables import CONFLICTS
from kazu_platform.text.fold_column import fold_names

if TYPE_CHECKING:
    import pyarrow as pa

    from kazu_platform.reports.examples import Examples

CONFLICTS_VERSION = "2"
MAX_LISTED = 20
WITHIN, ACROSS, CLASSES = "within_ontology", "across_ontologies", "across_classes"
_LEADERS = pl.col("leader").n_unique()


def find_conflicts(  # noqa: PLR0913 - the tables it compares
    concepts: pa.Table,
    synonyms: pa.Table,
    surfaces: pa.Table,
    *,
    equivalents: pa.Table | None = None,
    links: pl.DataFrame | None = None,
    examples: Examples = no_examples,
) -> pa.Table:
    """Every string that several concepts are called by, most mentions first (CONFLICTS).

    Args:
        concepts: CONCEPTS of all ontologies.
        synonyms: SYNONYMS of all ontologies.
        surfaces: SURFACES of the corpus.
        equivalents: concept_id, ontology and the leader_id of those that are equivalent.
        links: the best link of each surface; see `first_links`.
        examples: finds sentences of surfaces; see `examples`.
    """
    members = _members(_names(synonyms, equivalents))
    touched = _touched(members, strings_of(surfaces))
    ranked = (
        _described(members)
        .join(_spelled(members), on="group")
        .join(_concepts(members, concepts), on="group")
        .join(_mentions(touched), on="group", how="left")
        .join(
            decided(touched, ["group"], no_links() if links is None else links),
            on="group",
            how="left",
        )
        .with_columns(pl.col("n_mentions").fill_null(0))
        .sort(
            ["n_mentions", "n_concepts", "string", "group"],
            descending=[True, True, False, False],
        )
    )
    return as_table(CONFLICTS, with_examples(ranked, examples))


def worst(conflicts: pa.Table, n: int = 10) -> pa.Table:
    """The strings that touch most mentions, for a person to read; each with its worst conflict."""
    top = (
        pl.DataFrame(conflicts)
        .filter(pl.col("n_mentions") > 0)
        .unique(pl.col("string").str.to_lowercase(), keep="first", maintain_order=True)
        .head(n)
    )
    concepts = [
        "; ".join(map(" ".join, zip(row["concept_ids"], row["labels"], strict=True)))
        for row in top.select("concept_ids", "labels").iter_rows(named=True)
    ]
    return top.select(
        "string",
        "kind",
        pl.col("entity_classes").list.join(", ").alias("classes"),
        pl.Series("concepts", concepts, dtype=pl.String),
        pl.col("n_mentions").alias("mentions"),
        *linkers_view(),
        pl.format("{} ({})", "sentence", "sentence_doc_id").alias("sentence"),
    ).to_arrow()


def counted(conflicts: pa.Table) -> pa.Table:
    """Conflicts of each kind: how many, how many of them the lake has, mentions affected."""
    return (
        pl.DataFrame(conflicts.select(["kind", "active", "n_mentions"]))
        .group_by("kind")
        .agg(
            pl.len().alias("conflicts"),
            pl.col("active").sum().alias("matched in texts"),
            (pl.col("n_mentions") > 0).sum().alias("with mentions"),
            pl.col("n_mentions").sum().alias("mentions"),
        )
        .sort("kind")
        .to_arrow()
    )


def _names(synonyms: pa.Table, equivalents: pa.Table | None) -> pl.DataFrame:
    """Names that may be linked, with the concept that leads its equivalents."""
    columns = ["concept_id", "ontology", "entity_class", "name", "normalised", "active", "linkable"]
    names = pl.DataFrame(synonyms.select(columns)).filter(pl.col("linkable") | pl.col("active"))
    names = names.with_columns(fold_names(names["name"]))
    # Names that fold alike belong together even if a normaliser looks at their case.
    key = pl.col("normalised").min().over("entity_class", "folded").alias("key")
    return _led(names.drop("linkable").with_columns(key), equivalents)


def _led(names: pl.DataFrame, equivalents: pa.Table | None) -> pl.DataFrame:
    if equivalents is None:
        return names.with_columns(leader=pl.col("concept_id"))
    leaders = pl.DataFrame(equivalents.select(["concept_id", "ontology", "leader_id"]))
    return names.join(
        leaders.unique(["concept_id", "ontology"]), on=["concept_id", "ontology"], how="left"
    ).with_columns(leader=pl.coalesce("leader_id", "concept_id"))


def _members(names: pl.DataFrame) -> pl.DataFrame:
    """Names of every conflict, with its `kind` and a string `group` that tells it from others."""
    in_ontology = names.group_by("entity_class", "key", "ontology").agg(n=_LEADERS)
    in_class = names.group_by("entity_class", "key").agg(n=_LEADERS)
    most = in_ontology.group_by("entity_class", "key").agg(most=pl.col("n").max())
    more = in_class.join(most, on=["entity_class", "key"]).filter(pl.col("n") > pl.col("most"))
    in_classes = names.group_by("folded").agg(
        n=_LEADERS, n_classes=pl.col("entity_class").n_unique()
    )
    several = (pl.col("n") > 1) & (pl.col("n_classes") > 1)
    kinds = (
        (WITHIN, in_ontology.filter(pl.col("n") > 1), ["entity_class", "key", "ontology"]),
        (ACROSS, more, ["entity_class", "key"]),
        (CLASSES, in_classes.filter(several), ["folded"]),
    )
    columns = [*names.columns, "kind", "group"]
    return pl.concat(
        names.join(found, on=on, how="semi")
        .with_columns(kind=pl.lit(kind))
        .with_columns(group=pl.concat_str("kind", *on, separator="\x1f"))
        .select(columns)
        for kind, found, on in kinds
    )


def _described(members: pl.DataFrame) -> pl.DataFrame:
    """What all names of a conflict have together."""
    same_name = (
        members.group_by("group", "folded")
        .agg(several=_LEADERS > 1)
        .group_by("group")
        .agg(pl.col("several").any())
    )
    compared_by = pl.when("several").then(pl.lit("folded")).otherwise(pl.lit("normalised"))
    return (
        members.group_by("group")
        .agg(
            pl.col("kind").first(),
            pl.col("entity_class").unique().sort().alias("entity_classes"),
            pl.col("ontology").unique().sort().alias("ontologies"),
            _LEADERS.cast(pl.Int64).alias("n_concepts"),
            pl.col("active").any(),
        )
        .join(same_name, on="group")
        .with_columns(compared_by.alias("compared_by"))
    )


def _spelled(members: pl.DataFrame) -> pl.DataFrame:
    """The name that most concepts of a conflict have; of equals the shortest."""
    return (
        members.group_by("group", pl.col("name").alias("string"))
        .agg(n=_LEADERS)
        .sort(["n", pl.col("string").str.len_chars(), "string"], descending=[True, False, False])
        .unique("group", keep="first", maintain_order=True)
        .select("group", "string")
    )


def _concepts(members: pl.DataFrame, concepts: pa.Table) -> pl.DataFrame:
    """Ids and labels of the concepts of each conflict; the longest lists are cut."""
    labels = pl.DataFrame(concepts.select(["concept_id", "ontology", "label"]))
    return (
        members.select("group", "concept_id", "ontology")
        .unique(["group", "concept_id", "ontology"])
        .join(labels.unique(["concept_id", "ontology"]), on=["concept_id", "ontology"], how="left")
        .with_columns(pl.coalesce("label", "concept_id").alias("label"))
        .sort("group", "concept_id", "ontology")
        .unique(["group", "concept_id"], keep="first", maintain_order=True)
        .group_by("group", maintain_order=True)
        .agg(
            pl.col("concept_id").head(MAX_LISTED).alias("concept_ids"),
            pl.col("label").head(MAX_LISTED).alias("labels"),
        )
    )


def _touched(members: pl.DataFrame, strings: pl.DataFrame) -> pl.DataFrame:
    """Surfaces that a conflict affects, each once: group, surface_id, n_mentions."""
    by_name = members.select("group", "entity_class", "folded").unique()
    linked = members.filter(pl.col("kind") != CLASSES)
    by_form = linked.select("group", "entity_class", "normalised").unique()
    columns = ["group", "surface_id", "n_mentions"]
    return pl.concat(
        [
            by_name.join(strings, on=["entity_class", "folded"]).select(columns),
            by_form.join(strings, on=["entity_class", "normalised"]).select(columns),
        ]
    ).unique(["group", "surface_id"])


def _mentions(touched: pl.DataFrame) -> pl.DataFrame:
    """How many mentions a conflict affects, and the surface most of them have."""
    return (
        touched.sort(["n_mentions", "surface_id"], descending=[True, False])
        .group_by("group", maintain_order=True)
        .agg(pl.col("n_mentions").sum(), pl.col("surface_id").first())
    )
