"""Applying curations: the names of an ontology as people decided, whatever was decided before.

`apply_curations` first undoes what earlier curations did: names they added go, and what they
changed is put back from the column `automatic`. So the names that are live can be curated anew
without reading their ontology again, and the result is that of fresh ones;
`tests/laws/test_curation_laws.py` holds that.

Where several concern a name, `ignore` counts more than `drop`, `drop` more than `case`, `case`
more than `add`, and of one action what names a concept more than what names an ontology or a
class. Names of obsolete concepts stay off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from kazu_platform.ontologies.case_rules import case_sensitive
from kazu_platform.ontologies.curation_rows import ACTIONS, ADD, CASE, DROP, IGNORE, PREFER
from kazu_platform.ontologies.curations import APPLIED
from kazu_platform.ontologies.same_names import (
    in_its_case,
    same_name,
    same_string,
    with_same_string,
)
from kazu_platform.tables import AUTOMATIC, SYNONYMS
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise_column

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

CURATED: Final = "curated"
"""`source` of a name that a curation added."""

OBSOLETE: Final = "obsolete"
BEFORE: Final = tuple(field.name for field in AUTOMATIC)
_SCHEMA: Final = pl.DataFrame(SYNONYMS.empty()).schema
_KEYS: Final = {"whole": same_name, "cased": in_its_case, "string": same_string}


def apply_curations(synonyms: pa.Table, curations: pa.Table, concepts: pa.Table) -> pa.Table:
    """Give SYNONYMS of one ontology the state that curations decided.

    A name that a curation turns off carries its id in `held_back_by`; every name that one added or
    touched carries it in `curation_id`, and what the ontology and the rules say in `automatic`.

    Args:
        synonyms: fresh from the ontology, or curated before.
        curations: CURATIONS; those that do not count or concern other names change nothing.
        concepts: CONCEPTS of the same ontology, at least concept_id, ontology, entity_class and
            obsolete: to add a name its concept must be in use.

    Returns:
        SYNONYMS in the order they came, added ones last.
    """
    names = pl.DataFrame(synonyms)
    decided = _decided(curations)
    fresh = names["curation_id"].null_count() == names.height
    if fresh and decided.is_empty():
        return synonyms
    names = names if fresh else _undone(names)
    names = pl.concat([names, _added(names, decided, concepts)]).with_row_index("row")
    changes = _changes(names, decided)
    rows = pl.concat([names.join(changes, on="row", how="anti"), _changed(names, changes)])
    return _table(rows.sort("row"))


def is_changed() -> pl.Expr:
    """Whether a row of SYNONYMS is other than the ontology and the rules made it."""
    before = pl.col("automatic").struct
    other = pl.any_horizontal(pl.col(name).ne_missing(before.field(name)) for name in BEFORE)
    return pl.col("curation_id").is_not_null() & ((pl.col("source") == CURATED) | other)


def _decided(curations: pa.Table) -> pl.DataFrame:
    """Curations that count, with the keys by which names are found, the weightiest last."""
    frame = pl.DataFrame(curations).filter(
        pl.col("effect").is_in(APPLIED) & (pl.col("action") != PREFER)
    )
    special = (
        pl.col("concept_id").is_not_null() * 4
        + pl.col("ontology").is_not_null() * 2
        + pl.col("entity_class").is_not_null()
    )
    order = pl.col("action").replace_strict(
        [ADD, CASE, DROP, IGNORE, PREFER], list(range(len(ACTIONS))), return_dtype=pl.Int8
    )
    weighed = frame.sort(order, special, "curation_id")
    said = weighed["name"]
    return weighed.select(
        "action",
        pl.col("curation_id").alias("by"),
        pl.col("concept_id").alias("of_concept_id"),
        pl.col("entity_class").alias("of_entity_class"),
        pl.col("ontology").alias("of_ontology"),
        pl.col("case_sensitive").alias("strictly"),
        pl.col("scope").alias("as_scope"),
        pl.col("name").alias("said"),
        *(_keyed(said, key).alias(f"said_{name}") for name, key in _KEYS.items()),
    )


def _undone(names: pl.DataFrame) -> pl.DataFrame:
    """Names as the ontology and the rules made them."""
    touched = pl.col("curation_id").is_not_null()
    before = pl.col("automatic").struct
    return (
        names.filter(pl.col("source") != CURATED)
        .with_columns(
            pl.when(touched).then(before.field(name)).otherwise(name).alias(name) for name in BEFORE
        )
        .with_columns(_nothing("curation_id"), _nothing("automatic"))
    )


def _added(names: pl.DataFrame, decided: pl.DataFrame, concepts: pa.Table) -> pl.DataFrame:
    """Names that `add` gives to concepts in use that do not have them yet."""
    in_use = pl.DataFrame(concepts).filter(~pl.col("obsolete"))
    wanted = (
        decided.filter(pl.col("action") == ADD)
        .with_columns(concept_id="of_concept_id")
        .join(in_use.select("concept_id", "ontology", "entity_class"), on="concept_id")
        .filter(_fits("ontology"), _fits("entity_class"))
        .unique(["concept_id", "said_whole"], keep="last", maintain_order=True)
    )
    if wanted.is_empty():
        return names.clear()
    known = names.join(wanted, on="concept_id", how="semi").select("concept_id", "name")
    known = known.with_columns(_keyed(known["name"], same_name).alias("said_whole"))
    wanted = wanted.join(known, on=["concept_id", "said_whole"], how="anti")
    made = wanted.with_columns(
        name="said",
        scope="as_scope",
        normalised=_normalised(wanted),
        normaliser_version=pl.lit(NORMALISER_VERSION),
        case_sensitive=pl.coalesce("strictly", case_sensitive(pl.col("said"))),
        source=pl.lit(CURATED),
        active=pl.lit(value=True),
        linkable=pl.lit(value=True),
        in_context=pl.lit(value=False),
    )
    absent = [_nothing(name) for name in _SCHEMA if name not in made.columns]
    return made.with_columns(absent).select(names.columns)


def _changes(names: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """For each row that a curation concerns: who turns it on, and how; who turns it off."""
    pairs = _pairs(names, decided)
    turns_on = (pl.col("action") == ADD) & (pl.col("whole") == pl.col("said_whole"))
    turns_on |= (pl.col("action") == CASE) & (pl.col("cased") == pl.col("said_cased"))
    said = pl.col("strictly", "as_scope").drop_nulls().last()
    on = (
        pairs.filter(turns_on)
        .group_by("row", maintain_order=True)
        .agg(pl.col("by").last().alias("on_by"), said)
    )
    judged = pairs.drop("strictly", "as_scope").join(
        on.select("row", "strictly"), on="row", how="left", maintain_order="left"
    )
    # A name that matches in any case is dropped with every spelling of it.
    sensitive = pl.coalesce("strictly", "case_sensitive")
    meant = ~sensitive | (pl.col("cased") == pl.col("said_cased"))
    dropped = judged.filter((pl.col("action") == DROP) & meant)
    derived = _derived(names, dropped).join(on, on="row", how="anti")
    off = (
        pl.concat(
            [
                derived.select("row", "by", unlinked=pl.lit(value=True)),
                dropped.select("row", "by", unlinked=pl.lit(value=True)),
                judged.filter(pl.col("action") == IGNORE).select(
                    "row", "by", unlinked=pl.lit(value=False)
                ),
            ]
        )
        .group_by("row", maintain_order=True)
        .agg(pl.col("by").last().alias("off_by"), pl.col("unlinked").any())
    )
    return on.join(off, on="row", how="full", coalesce=True)


def _pairs(names: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Names of concepts in use with the curations of that string and concept or class."""
    in_use = pl.col("held_back_by").ne_missing(OBSOLETE)
    near = names.filter(with_same_string(names["name"], decided["said"].to_list()) & in_use)
    keyed = near.with_columns(_keyed(near["name"], key).alias(name) for name, key in _KEYS.items())
    return decided.join(
        keyed, left_on="said_string", right_on="string", maintain_order="left"
    ).filter(_fits("concept_id"), _fits("ontology"), _fits("entity_class"))


def _derived(names: pl.DataFrame, dropped: pl.DataFrame) -> pl.DataFrame:
    """Names that a rule made of those dropped."""
    origins = dropped.select("concept_id", "by", origin="name").unique(
        ["concept_id", "origin"], keep="last", maintain_order=True
    )
    made = names.filter(pl.col("origin").is_not_null())
    return made.join(origins, on=["concept_id", "origin"], maintain_order="left")


def _changed(names: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """The rows that a curation concerns as it wants them, with what they were before."""
    on, off = pl.col("on_by").is_not_null(), pl.col("off_by").is_not_null()
    made = pl.col("source") == CURATED
    # One row of a name gets the scope: two would be the same row.
    first = pl.int_range(pl.len()).over("concept_id", "name") == 0
    off_by, none = pl.col("off_by"), _nothing("held_back_by")
    return (
        names.join(changes, on="row", maintain_order="left")
        .with_columns(
            automatic=pl.when(~made).then(pl.struct(*BEFORE)),
            curation_id=pl.coalesce("off_by", "on_by"),
            scope=pl.when(first).then(pl.coalesce("as_scope", "scope")).otherwise("scope"),
            case_sensitive=pl.coalesce("strictly", "case_sensitive"),
            active=(pl.col("active") | on) & ~off,
            linkable=pl.col("linkable") & ~pl.col("unlinked").fill_null(value=False),
            held_back_by=pl.when(off).then(off_by).when(on).then(none).otherwise("held_back_by"),
        )
        .select(names.columns)
    )


def _fits(what: str) -> pl.Expr:
    """Whether a curation is about this concept, class or ontology, or about any."""
    return pl.col(f"of_{what}").is_null() | (pl.col(f"of_{what}") == pl.col(what))


def _keyed(names: pl.Series, key: Callable[[str], str]) -> pl.Series:
    return pl.Series([key(name) for name in names.to_list()], dtype=pl.String)


def _normalised(wanted: pl.DataFrame) -> pl.Series:
    """Each added name as the normaliser of its class leaves it; an ontology has one class."""
    if wanted.is_empty():
        return pl.Series(dtype=pl.String)
    return pl.Series(normalise_column(wanted["said"], str(wanted["entity_class"][0])))


def _nothing(column: str) -> pl.Expr:
    """No value of a column: null, or false where it may not be null."""
    may_be_null = SYNONYMS.schema.field(column).nullable
    return pl.lit(None if may_be_null else False, _SCHEMA[column]).alias(column)


def _table(frame: pl.DataFrame) -> pa.Table:
    arrow = frame.select(SYNONYMS.schema.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    return SYNONYMS.check(arrow.cast(SYNONYMS.schema))
