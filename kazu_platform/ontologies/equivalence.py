"""Equivalent concepts of different ontologies: one thing, one identifier.

Ontologies of a class stand in order of preference, the leading one first. A concept follows the
one concept of a more preferred ontology that it matches exactly, and through it that concept's
leader. The groups are stars: no chain of cross-references is followed beyond that one step up, so
one wrong cross-reference misplaces one concept and never joins two groups.

What counts as a match, the strongest first; only the strongest that a concept has is looked at:

1. identical: both ontologies have the very identifier;
2. direct: a cross-reference or a mapping set says exact match, in either direction;
3. replaced: the same, said of an obsolete identifier that was replaced;
4. shared: both have an exact match to the same identifier elsewhere, such as an InChIKey.

A concept is refused a leader, and reported, if its matches lead to several (`ambiguous`), or if it
has no direct match to the leader and another concept of its ontology has one (`another_match`).
Several concepts of one ontology may follow one leader where each is said to match it: the leading
ontology decides how finely the world is divided (docs/decisions: Equivalent concepts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kazu_platform.ontologies.curies import one_spelling
from kazu_platform.ontologies.mappings import EXACT_MATCH
from kazu_platform.ontologies.terms import XREF
from kazu_platform.tables import CONCEPT_EQUIVALENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

EQUIVALENCE_VERSION = "1"
METHODS = IDENTICAL, DIRECT, REPLACED, SHARED = ("identical", "direct", "replaced", "shared")
AMBIGUOUS, ANOTHER_MATCH = "ambiguous", "another_match"

MAX_HOLDERS = 20
"""An identifier that more concepts of one ontology claim identifies nothing."""
_MAX_REPLACEMENTS = 20

_CHOICE = ["concept", "match", "leader", "method", "evidence", "refused", "candidates"]


def find_equivalents(
    concepts: pa.Table,
    xrefs: pa.Table,
    mappings: pa.Table,
    *,
    preference: Sequence[str],
    equivalent_xrefs: Mapping[str, bool | Sequence[str]] | None = None,
) -> pa.Table:
    """Say which concept each other concept, and each identifier from elsewhere, goes by.

    Args:
        concepts: CONCEPTS of all ontologies.
        xrefs: CONCEPT_XREFS of all ontologies.
        mappings: CONCEPT_MAPPINGS of all mapping sets.
        preference: Names of the ontologies, the leading first; others follow in order of name.
        equivalent_xrefs: Ontologies whose plain cross-references are exact matches too: all, or
            those to some prefixes.

    Returns:
        CONCEPT_EQUIVALENTS. A concept without a row goes by its own identifier.
    """
    live, current = _live(concepts, preference), _current_ids(concepts)
    said = _statements(xrefs, mappings, current, equivalent_xrefs or {})
    held = said.join(live, left_on="a", right_on="concept_id").rename({"row": "concept"})
    edges = pl.concat([_identical(live), _direct(held, live), _shared(held)])
    leaders = pl.DataFrame({"row": live["row"], "leader": live["row"]})
    choices: list[pl.DataFrame] = []
    for (_,), ontology in live.group_by("place", maintain_order=True):
        of_ontology = edges.join(ontology, left_on="concept", right_on="row", how="semi")
        chosen = _choose(of_ontology, leaders, live)
        choices.append(chosen)
        joined = chosen.filter(pl.col("refused").is_null()).select(row="concept", to="leader")
        leaders = (
            leaders.join(joined, on="row", how="left", maintain_order="left")
            .with_columns(leader=pl.coalesce("to", "leader"))
            .drop("to")
        )
    rows = [_rows(pl.concat(choices), live)] if choices else []
    return _table([*rows, _elsewhere(held, leaders, live, concepts)])


def _live(concepts: pa.Table, preference: Sequence[str]) -> pl.DataFrame:
    """Concepts in use, in order of preference: row, concept_id, ontology, entity_class, place."""
    frame = pl.DataFrame(
        concepts.select(["concept_id", "ontology", "entity_class", "obsolete"])
    ).filter(~pl.col("obsolete"))
    present = frame["ontology"].unique().to_list()
    order = [name for name in dict.fromkeys(preference) if name in present]
    order += sorted(set(present).difference(order))
    places = pl.DataFrame(
        {"ontology": order, "place": range(len(order))},
        schema={"ontology": pl.String, "place": pl.Int32},
    )
    return (
        frame.drop("obsolete")
        .unique(["concept_id", "ontology"])
        .join(places, on="ontology")
        .sort("place", "concept_id")
        .with_row_index("row")
    )


def _current_ids(concepts: pa.Table) -> pl.DataFrame:
    """Obsolete identifiers and what to use today: old, now (null: nothing); circles end nowhere."""
    frame = pl.DataFrame(concepts.select(["concept_id", "obsolete", "replaced_by"]))
    used = frame.filter(~pl.col("obsolete")).select("concept_id").unique()
    old = frame.join(used, on="concept_id", how="anti").sort("concept_id", "replaced_by")
    old = old.unique("concept_id", keep="first", maintain_order=True)
    step = old.select("concept_id", after="replaced_by")
    now = old.select(old="concept_id", now="replaced_by")
    for _ in range(_MAX_REPLACEMENTS):
        further = now.join(step, left_on="now", right_on="concept_id", how="semi")
        if further.is_empty():
            break
        now = (
            now.join(
                step.with_columns(is_old=pl.lit(value=True)),
                left_on="now",
                right_on="concept_id",
                how="left",
            )
            .with_columns(now=pl.when("is_old").then("after").otherwise("now"))
            .select("old", "now")
        )
    still_old = pl.col("now").is_in(step["concept_id"].implode())
    return now.with_columns(now=pl.when(still_old).then(None).otherwise("now"))


def _statements(
    xrefs: pa.Table,
    mappings: pa.Table,
    current: pl.DataFrame,
    equivalent_xrefs: Mapping[str, bool | Sequence[str]],
) -> pl.DataFrame:
    """Exact matches in both directions, between identifiers of today: a, b, said_by, replaced."""
    refs = pl.DataFrame(xrefs)
    maps = pl.DataFrame(mappings)
    exact = refs.filter(_means_the_same(equivalent_xrefs))
    pairs = pl.concat(
        [
            exact.select(a="concept_id", b="xref", said_by="ontology"),
            maps.filter(pl.col("predicate") == EXACT_MATCH).select(
                a="subject_id", b="object_id", said_by="mapping_set"
            ),
        ]
    ).with_columns(replaced=pl.lit(value=False))
    for end in ("a", "b"):
        pairs = (
            pairs.join(
                current.with_columns(is_old=pl.lit(value=True)),
                left_on=end,
                right_on="old",
                how="left",
            )
            .with_columns(
                pl.when("is_old").then("now").otherwise(end).alias(end),
                replaced=pl.col("replaced") | pl.col("is_old").fill_null(value=False),
            )
            .drop("now", "is_old")
        )
    # What an ontology withdrew without a replacement is null by now.
    pairs = pairs.drop_nulls(["a", "b"]).filter(pl.col("a") != pl.col("b"))
    back = pairs.select(a="b", b="a", said_by="said_by", replaced="replaced")
    return pl.concat([pairs, back]).unique()


def _means_the_same(equivalent_xrefs: Mapping[str, bool | Sequence[str]]) -> pl.Expr:
    """Cross-references that are exact matches, or that their ontology's entry takes as such."""
    exact = pl.col("predicate") == EXACT_MATCH
    for name, allowed in equivalent_xrefs.items():
        plain = (pl.col("predicate") == XREF) & (pl.col("ontology") == name)
        if allowed is True:
            exact |= plain
        elif allowed:
            asked = pl.DataFrame({"id": [f"{prefix}:" for prefix in allowed]})
            ours = asked.select(one_spelling(pl.col("id")))["id"].to_list()
            fits = pl.any_horizontal([pl.col("xref").str.starts_with(each) for each in ours])
            exact |= plain & fits
    return exact


def _identical(live: pl.DataFrame) -> pl.DataFrame:
    """Concepts whose very identifier a more preferred ontology of the class has."""
    keys = ["concept_id", "entity_class"]
    pairs = live.join(live, on=keys, suffix="_match").filter(
        pl.col("place_match") < pl.col("place")
    )
    return pairs.select(
        pl.col("row").alias("concept"),
        pl.col("row_match").alias("match"),
        pl.lit(METHODS.index(IDENTICAL), pl.Int8).alias("method"),
        pl.col("ontology_match").alias("said_by"),
    )


def _direct(held: pl.DataFrame, live: pl.DataFrame) -> pl.DataFrame:
    """Exact matches between concepts of one class, from the less preferred to the more."""
    matches = live.select("entity_class", b="concept_id", match="row", match_place="place")
    method = pl.when("replaced").then(METHODS.index(REPLACED)).otherwise(METHODS.index(DIRECT))
    return (
        held.join(matches, on=["b", "entity_class"])
        .filter(pl.col("match_place") < pl.col("place"))
        .select("concept", "match", method.cast(pl.Int8).alias("method"), "said_by")
    )


def _shared(held: pl.DataFrame) -> pl.DataFrame:
    """Concepts of one class that match the same identifier; it is the evidence."""
    keys = ["b", "entity_class"]
    holders = held.select(*keys, "place", "concept").unique()
    few = holders.filter(pl.len().over(*keys, "place") <= MAX_HOLDERS)
    pairs = few.join(few, on=keys, suffix="_match").filter(pl.col("place_match") < pl.col("place"))
    return pairs.select(
        "concept",
        pl.col("concept_match").alias("match"),
        pl.lit(METHODS.index(SHARED), pl.Int8).alias("method"),
        pl.col("b").alias("said_by"),
    )


def _choose(edges: pl.DataFrame, leaders: pl.DataFrame, live: pl.DataFrame) -> pl.DataFrame:
    """The leader of each concept of an ontology that has matches, or why it gets none."""
    led = edges.join(leaders, left_on="match", right_on="row").join(
        live.select("row", match_place="place"), left_on="match", right_on="row"
    )
    ids = live.select("row", leader_id="concept_id")
    led = led.join(ids, left_on="leader", right_on="row")
    best = led.filter(pl.col("method") == pl.col("method").min().over("concept")).filter(
        pl.col("match_place") == pl.col("match_place").min().over("concept")
    )
    chosen = (
        best.sort("concept", pl.col("match") != pl.col("leader"), "match")
        .group_by("concept", maintain_order=True)
        .agg(
            pl.col("match", "leader", "method").first(),
            pl.col("said_by").unique().sort().alias("evidence"),
            pl.col("leader_id").unique().sort().alias("candidates"),
        )
    )
    itself = pl.col("method") <= METHODS.index(DIRECT)
    to_the_leader = itself & (pl.col("match") == pl.col("leader"))
    taken = led.filter(to_the_leader)["leader"].unique().implode()
    refused = (
        pl.when(pl.col("candidates").list.len() > 1)
        .then(pl.lit(AMBIGUOUS))
        .when(~to_the_leader & pl.col("leader").is_in(taken))
        .then(pl.lit(ANOTHER_MATCH))
    )
    return chosen.with_columns(refused=refused).select(_CHOICE)


def _rows(chosen: pl.DataFrame, live: pl.DataFrame) -> pl.DataFrame:
    """Choices with identifiers in place of rows; what was refused has no leader."""
    joined = pl.col("refused").is_null()
    named = chosen.join(live, left_on="concept", right_on="row")
    for end, column in (("match", "match_id"), ("leader", "leader_id")):
        names = live.select("row", **{column: "concept_id", f"{end}_ontology": "ontology"})
        named = named.join(names, left_on=end, right_on="row")
    return named.select(
        "concept_id",
        "ontology",
        "entity_class",
        pl.when(joined).then("leader_id").alias("leader_id"),
        pl.when(joined).then("leader_ontology").alias("leader_ontology"),
        pl.when(joined).then("match_id").alias("match_id"),
        pl.col("method").replace_strict(dict(enumerate(METHODS)), return_dtype=pl.String),
        "evidence",
        "refused",
        "candidates",
    )


def _elsewhere(
    held: pl.DataFrame, leaders: pl.DataFrame, live: pl.DataFrame, concepts: pa.Table
) -> pl.DataFrame:
    """Identifiers that no ontology of the catalogue has, and the one leader that they match.

    Where several do, those of the most preferred ontology count; an identifier that several of
    these match is nobody's.
    """
    known = pl.DataFrame(concepts.select(["concept_id"])).unique()
    names = live.select("row", leader_id="concept_id", leader_ontology="ontology")
    keys = ["b", "entity_class"]
    found = (
        held.join(known, left_on="b", right_on="concept_id", how="anti")
        .rename({"concept": "row"})
        .filter(pl.col("replaced") == pl.col("replaced").min().over(keys))
        .filter(pl.col("place") == pl.col("place").min().over(keys))
        .join(leaders, on="row")
        .join(live.select("row", match_id="concept_id"), on="row")
        .join(names, left_on="leader", right_on="row")
    )
    method = pl.when("replaced").then(pl.lit(REPLACED)).otherwise(pl.lit(DIRECT))
    return (
        found.sort(*keys, "match_id")
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("leader_id", "leader_ontology", "match_id", "replaced").first(),
            pl.col("said_by").unique().sort().alias("evidence"),
            pl.col("leader_id").unique().sort().alias("candidates"),
        )
        .filter(pl.col("candidates").list.len() == 1)
        .select(
            pl.col("b").alias("concept_id"),
            pl.lit("").alias("ontology"),
            "entity_class",
            "leader_id",
            "leader_ontology",
            "match_id",
            method.alias("method"),
            "evidence",
            pl.lit(None, pl.String).alias("refused"),
            "candidates",
        )
    )


def _table(frames: list[pl.DataFrame]) -> pa.Table:
    rows = pl.concat(frames).sort(CONCEPT_EQUIVALENTS.order)
    arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    return CONCEPT_EQUIVALENTS.check(arrow.cast(CONCEPT_EQUIVALENTS.schema))
