"""What curations do to the vocabularies as they stand: how many names each changes, or why none.

Belongs here: comparing CURATIONS with live names and concepts. Does not: changing names
(`curating`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.ontologies.curating import is_changed
from kazu_platform.ontologies.curation_rows import PREFER
from kazu_platform.ontologies.curations import (
    APPLIED,
    CONTRADICTED,
    IN_FORCE,
    NO_SUCH_NAME,
    UNKNOWN_CONCEPT,
)
from kazu_platform.ontologies.same_names import same_string, with_same_string
from kazu_platform.tables import CURATIONS

if TYPE_CHECKING:
    import pyarrow as pa

EFFECTS_VERSION: Final = "1"
"""Changes when the same curations and vocabularies may have other effects."""

NAME_COLUMNS: Final = (
    "concept_id",
    "ontology",
    "entity_class",
    "name",
    "scope",
    "case_sensitive",
    "source",
    "active",
    "linkable",
    "held_back_by",
    "curation_id",
    "automatic",
)
"""Columns of SYNONYMS that `with_effects` reads."""

CONCEPT_COLUMNS: Final = ("concept_id", "ontology", "entity_class", "obsolete", "replaced_by")
"""Columns of CONCEPTS that it reads."""

_SHOWN: Final = 3


def with_effects(curations: pa.Table, synonyms: pa.Table, concepts: pa.Table) -> pa.Table:
    """CURATIONS with what each does to these names: `effect`, `detail` and `n_changed`.

    Args:
        curations: as read from their file.
        synonyms: curated names of all ontologies, at least with NAME_COLUMNS.
        concepts: concepts of all ontologies, at least with CONCEPT_COLUMNS; if there are none yet,
            curations stay as they are.
    """
    rows = pl.DataFrame(curations)
    if concepts.num_rows == 0:
        return curations
    names = pl.DataFrame(synonyms.select(list(NAME_COLUMNS)))
    counts = (
        names.filter(is_changed()).group_by("curation_id").agg(pl.len().cast(pl.Int64).alias("n"))
    )
    counted = rows.drop("n_changed").join(
        counts, on="curation_id", how="left", maintain_order="left"
    )
    applied, is_prefer = pl.col("effect").is_in(APPLIED), pl.col("action") == PREFER
    n_changed = pl.when(~is_prefer).then(pl.when(applied).then("n").otherwise(0).fill_null(0))
    counted = counted.with_columns(n_changed=n_changed)
    said = counted.join(
        _unknown(counted, pl.DataFrame(concepts.select(list(CONCEPT_COLUMNS)))),
        on="curation_id",
        how="left",
        maintain_order="left",
    ).join(_spellings(counted, names), on="curation_id", how="left", maintain_order="left")
    idle = applied & ~is_prefer & (pl.col("n_changed") == 0)
    unknown, nameless = pl.col("unknown").is_not_null(), pl.col("spellings").is_null()
    other = pl.col("spellings").list.contains(pl.col("name")).not_()
    shown = pl.col("spellings").list.head(_SHOWN).list.join(", ")
    return _table(
        said.with_columns(
            effect=pl.when(applied & unknown)
            .then(pl.lit(UNKNOWN_CONCEPT))
            .when(idle & nameless)
            .then(pl.lit(NO_SUCH_NAME))
            .when(applied)
            .then(pl.lit(IN_FORCE))
            .otherwise("effect"),
            detail=pl.when(applied & unknown)
            .then("unknown")
            .when(idle & nameless)
            .then(pl.lit("nothing there has this name"))
            .when(idle & other)
            .then(pl.concat_str(pl.lit("changes nothing; the name is written "), shown))
            .when(idle)
            .then(pl.lit("changes nothing; the name is so already, or another curation decides"))
            .otherwise("detail"),
        )
    )


def idle(curations: pa.Table) -> pa.Table:
    """Approved curations that are due and change nothing, for whatever reason."""
    stuck = pl.col("effect").is_in([UNKNOWN_CONCEPT, NO_SUCH_NAME, CONTRADICTED])
    return _table(
        pl.DataFrame(curations).filter(
            stuck | ((pl.col("effect") == IN_FORCE) & (pl.col("n_changed") == 0))
        )
    )


def _unknown(rows: pl.DataFrame, concepts: pl.DataFrame) -> pl.DataFrame:
    """Curations of concepts that no ontology has in use, with what is known of them."""
    about = rows.filter(pl.col("concept_id").is_not_null()).select(
        "curation_id", "concept_id", of_ontology="ontology", of_entity_class="entity_class"
    )
    found = about.join(concepts, on="concept_id").filter(_fits("ontology"), _fits("entity_class"))
    in_use = found.filter(~pl.col("obsolete"))
    replaced = found.group_by("curation_id").agg(
        pl.col("obsolete").any(), pl.col("replaced_by").drop_nulls().first()
    )
    by = pl.concat_str(pl.lit("the concept is obsolete; it is now "), "replaced_by")
    said = (
        pl.when(pl.col("replaced_by").is_not_null())
        .then(by)
        .when("obsolete")
        .then(pl.lit("the concept is obsolete and nothing replaces it"))
        .otherwise(pl.lit("no ontology of the catalogue has this concept"))
    )
    return (
        about.join(in_use, on="curation_id", how="anti")
        .join(replaced, on="curation_id", how="left")
        .select("curation_id", unknown=said)
    )


def _spellings(rows: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """How names that curations without a change are about are written, if they are there."""
    idle_rows = rows.filter(pl.col("effect").is_in(APPLIED) & (pl.col("n_changed") == 0))
    near = names.filter(with_same_string(names["name"], idle_rows["name"].to_list()))
    near = near.select(
        "concept_id",
        "ontology",
        "entity_class",
        written="name",
        string=_strings(near["name"]),
    )
    about = idle_rows.select(
        "curation_id",
        string=_strings(idle_rows["name"]),
        of_concept_id="concept_id",
        of_ontology="ontology",
        of_entity_class="entity_class",
    )
    return (
        about.join(near, on="string")
        .filter(_fits("concept_id"), _fits("ontology"), _fits("entity_class"))
        .group_by("curation_id")
        .agg(pl.col("written").unique().sort().alias("spellings"))
    )


def _strings(names: pl.Series) -> pl.Series:
    return pl.Series([same_string(name) for name in names.to_list()], dtype=pl.String)


def _fits(what: str) -> pl.Expr:
    return pl.col(f"of_{what}").is_null() | (pl.col(f"of_{what}") == pl.col(what))


def _table(frame: pl.DataFrame) -> pa.Table:
    arrow = frame.select(CURATIONS.schema.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    return CURATIONS.check(arrow.cast(CURATIONS.schema))
