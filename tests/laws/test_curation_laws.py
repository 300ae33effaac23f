"""Laws of curation: what was decided before leaves no trace in what is decided now."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.ontologies.curating import apply_curations
from kazu_platform.ontologies.curations import curation_id
from kazu_platform.ontologies.same_names import compact, same_string, with_same_string
from kazu_platform.tables import CONCEPTS, CURATIONS, SYNONYMS
from kazu_platform.text.fold import fold_name
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise

if TYPE_CHECKING:
    import pyarrow as pa

IDS = ["X:1", "X:2", "X:3"]
TEXTS = ["COX-2", "COX2", "cox 2", "Cox", "TNF-α", "TNF alpha", "was", "WAS", "breast cancer"]
HELD = [None, "too_short", "common_word"]
OBSOLETE = "X:3"
SLOW = settings(deadline=None, max_examples=60)  # a handful of joins, whatever the size


@st.composite
def synonyms(draw: st.DrawFn) -> pa.Table:
    """Names of three concepts as an ontology and rules make them; the third is obsolete."""
    keys = draw(st.sets(st.tuples(st.sampled_from(IDS), st.sampled_from(TEXTS)), max_size=12))
    rows: list[dict[str, Any]] = []
    for concept_id, name in sorted(keys):
        held = "obsolete" if concept_id == OBSOLETE else draw(st.sampled_from(HELD))
        origin = draw(st.sampled_from([None, *TEXTS]))
        rows.append(
            {
                "concept_id": concept_id,
                "ontology": "own",
                "entity_class": "gene",
                "name": name,
                "scope": draw(st.sampled_from(["label", "exact", "related"])),
                "normalised": normalise(name, "gene"),
                "normaliser_version": NORMALISER_VERSION,
                "case_sensitive": draw(st.booleans()),
                "in_context": False,
                "source": "generated" if origin else "ontology",
                "origin": origin,
                "active": held is None,
                "linkable": held != "obsolete",
                "held_back_by": held,
            }
        )
    return SYNONYMS.sort(SYNONYMS.from_rows(rows))


@st.composite
def curations(draw: st.DrawFn) -> pa.Table:
    """Any decisions, one of each target; some not in force."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(draw(st.integers(0, 6))):
        action = draw(st.sampled_from(["add", "drop", "case", "ignore", "prefer"]))
        concept = draw(st.sampled_from([*IDS, "X:4"]))
        concept_id = concept if action in {"add", "prefer"} or draw(st.booleans()) else None
        concept_id = None if action == "ignore" else concept_id
        name = draw(st.sampled_from(TEXTS))
        key = curation_id(action, concept_id, name)
        found[key] = {
            "curation_id": key,
            "action": action,
            "concept_id": concept_id,
            "name": name,
            "entity_class": draw(st.sampled_from([None, "gene", "disease"])),
            "case_sensitive": draw(st.sampled_from([None, True, False]))
            if action == "add"
            else draw(st.booleans()),
            "scope": draw(st.sampled_from(["exact", "broad"])) if action == "add" else None,
            "author": "a",
            "reason": "r",
            "decided_on": date(2026, 1, 1),
            "state": "approved",
            "effect": draw(st.sampled_from(["in_force", "in_force", "expired", "no_such_name"])),
            "place": "line 2",
        }
    return CURATIONS.from_rows(list(found.values()))


CONCEPT = CONCEPTS.from_rows(
    [
        {
            "concept_id": concept_id,
            "ontology": "own",
            "entity_class": "gene",
            "label": concept_id,
            "obsolete": concept_id == OBSOLETE,
            "ontology_version": "1",
        }
        for concept_id in IDS
    ]
)


def curated(names: pa.Table, decided: pa.Table) -> pa.Table:
    """As they lie in the lake."""
    return SYNONYMS.sort(apply_curations(names, decided, CONCEPT))


@SLOW
@given(synonyms(), curations(), curations())
def test_curating_curated_names_is_curating_fresh_ones(
    fresh: pa.Table, before: pa.Table, now: pa.Table
):
    assert curated(curated(fresh, before), now) == curated(fresh, now)


@SLOW
@given(synonyms(), curations())
def test_curating_twice_is_curating_once(fresh: pa.Table, decided: pa.Table):
    once = curated(fresh, decided)

    assert curated(once, decided) == once


@SLOW
@given(synonyms(), curations())
def test_keys_stay_unique_and_nothing_of_the_ontology_is_lost(fresh: pa.Table, decided: pa.Table):
    names = pl.DataFrame(curated(fresh, decided))

    assert names.select(SYNONYMS.key).is_duplicated().sum() == 0
    own = names.filter(pl.col("source") != "curated").select("concept_id", "name")
    assert own.sort("concept_id", "name").equals(
        pl.DataFrame(fresh).select("concept_id", "name").sort("concept_id", "name")
    )


@SLOW
@given(synonyms(), curations())
def test_an_ignored_string_is_matched_by_no_name(fresh: pa.Table, decided: pa.Table):
    names = apply_curations(fresh, decided, CONCEPT).to_pylist()
    ignored = {
        fold_name(row["name"])
        for row in decided.to_pylist()
        if row["action"] == "ignore"
        and row["effect"] != "expired"
        and row["entity_class"] in {None, "gene"}
    }

    assert not [row for row in names if row["active"] and fold_name(row["name"]) in ignored]


@SLOW
@given(synonyms(), curations())
def test_what_is_off_says_why(fresh: pa.Table, decided: pa.Table):
    names = apply_curations(fresh, decided, CONCEPT).to_pylist()

    assert all(row["active"] == (row["held_back_by"] is None) for row in names)


@given(st.lists(st.text(max_size=8)), st.lists(st.text(max_size=8)))
def test_the_column_form_finds_what_the_one_string_form_does(names: list[str], wanted: list[str]):
    column = pl.Series("name", [*names, *TEXTS], dtype=pl.String)
    asked = {same_string(name) for name in [*wanted, *TEXTS]}

    found = with_same_string(column, [*wanted, *TEXTS])

    assert found.to_list() == [same_string(name) in asked for name in column.to_list()]
    assert compact(column).to_list() == [
        same_string(name).replace(" ", "") for name in column.to_list()
    ]


# A combining iota below its letter is one character when folded and two when it is spelled out.
NO_IOTA_BELOW = st.text(st.characters(exclude_characters="\u0345", exclude_categories=["Cs"]))


@given(NO_IOTA_BELOW, NO_IOTA_BELOW)
def test_names_that_fold_alike_are_one_string(one: str, two: str):
    assert same_string(one) == same_string(fold_name(one))
    if fold_name(one) == fold_name(two):
        assert same_string(one) == same_string(two)
