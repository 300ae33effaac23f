"""Rows of a file together: what is in force on a day, what contradicts what, what concerns whom."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from kazu_platform.ontologies.curations import content_version, preferences, touching
from kazu_platform.settings import OntologySource

if TYPE_CHECKING:
    import pyarrow as pa
    from conftest import Decide

ADD = {"action": "add", "name": "WASp", "concept_id": "HGNC:12731"}
DROP = {"action": "drop", "name": "WASp", "concept_id": "HGNC:12731"}
IGNORE = {"action": "ignore", "name": "was", "entity_class": "gene"}
CASE = {"action": "case", "name": "WAS", "case_sensitive": "true", "entity_class": "gene"}
PREFER = {"action": "prefer", "name": "PSA", "entity_class": "gene", "concept_id": "HGNC:6364"}


def source(name: str, entity_class: str, *prefixes: str) -> OntologySource:
    return OntologySource.model_validate(
        {
            "name": name,
            "entity_class": entity_class,
            "url": "x",
            "format": "obo",
            "licence": "CC0-1.0",
            "homepage": "x",
            "id_prefixes": prefixes,
        }
    )


def effects(curations: pa.Table) -> dict[str, tuple[str, str | None]]:
    """Place to effect and detail."""
    return {
        row["place"]: (row["effect"], row["detail"])
        for row in sorted(curations.to_pylist(), key=lambda row: row["place"])
    }


@pytest.mark.parametrize("state", ["proposed", "withdrawn"])
def test_what_is_not_approved_is_not_in_force(decide: Decide, state: str):
    assert effects(decide(DROP | {"state": state})) == {"line 2": (state, None)}


@pytest.mark.parametrize(
    ("today", "effect"), [(date(2026, 3, 31), "in_force"), (date(2026, 4, 1), "expired")]
)
def test_a_curation_counts_until_its_last_day(decide: Decide, today: date, effect: str):
    curations = decide(DROP | {"expires_on": "2026-03-31"}, today=today)

    assert effects(curations) == {"line 2": (effect, None)}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (ADD, DROP),
        (ADD, {"action": "drop", "name": "WASp"}),
        (ADD | {"name": "COX-2"}, DROP | {"name": "COX 2"}),
        (CASE, {"action": "drop", "name": "WAS", "entity_class": "gene"}),
        (CASE, IGNORE),
        (ADD | {"name": "WAS", "entity_class": "gene"}, IGNORE),
        (CASE, {"action": "drop", "name": "WAS"}),
        (PREFER, PREFER | {"concept_id": "HGNC:7900"}),
    ],
)
def test_of_two_that_contradict_each_other_neither_is_in_force(
    decide: Decide, one: dict[str, str], two: dict[str, str]
):
    assert effects(decide(one, two)) == {
        "line 2": (
            "contradicted",
            f"contradicts {two['action']} at line 3; withdraw one of them",
        ),
        "line 3": (
            "contradicted",
            f"contradicts {one['action']} at line 2; withdraw one of them",
        ),
    }


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (ADD, DROP | {"state": "withdrawn"}),
        (ADD, DROP | {"expires_on": "2026-01-02"}),
        (ADD, DROP | {"concept_id": "HGNC:5"}),
        (ADD, DROP | {"name": "WASP"}),
        (CASE, IGNORE | {"entity_class": "disease"}),
        (PREFER, PREFER | {"name": "Psa", "concept_id": "NCBIGene:5"}),
        (DROP, CASE),
        (ADD, IGNORE),
    ],
)
def test_what_is_about_something_else_does_not_contradict(
    decide: Decide, one: dict[str, str], two: dict[str, str]
):
    assert {effect for effect, _ in effects(decide(one, two)).values()} <= {
        "in_force",
        "withdrawn",
        "expired",
    }


@pytest.mark.parametrize(
    ("row", "concerned"),
    [
        (DROP, {"HGNC"}),
        (IGNORE, {"HGNC", "MouseGene", "Own"}),
        ({"action": "drop", "name": "was"}, {"HGNC", "MouseGene", "MONDO", "Own"}),
        (IGNORE | {"ontology": "HGNC"}, {"HGNC"}),
        (DROP | {"concept_id": "MONDO:0010518"}, {"MONDO"}),
        (PREFER, set()),
        (DROP | {"state": "proposed"}, set()),
        (DROP | {"expires_on": "2026-01-02"}, set()),
    ],
)
def test_a_curation_concerns_ontologies_of_its_name_class_and_prefix(
    decide: Decide, row: dict[str, str], concerned: set[str]
):
    sources = [
        source("HGNC", "gene", "HGNC"),
        source("MouseGene", "gene", "NCBIGene"),
        source("MONDO", "disease", "MONDO"),
    ]
    curations = decide(row)

    found = {each.name for each in sources if touching(curations, each).num_rows}

    assert found == concerned - {"Own"}


def test_an_ontology_without_prefixes_may_hold_any_concept(decide: Decide):
    assert touching(decide(DROP), source("Own", "gene")).num_rows == 1


def test_rewording_changes_no_version_and_deciding_otherwise_does(decide: Decide):
    version = content_version(decide(CASE))

    assert content_version(decide(CASE | {"reason": "other words", "author": "she"})) == version
    assert content_version(decide(CASE | {"case_sensitive": "false"})) != version
    assert content_version(decide(CASE, ADD)) != version


def test_a_preference_says_in_which_case_it_counts(decide: Decide):
    found = preferences(decide(PREFER, PREFER | {"name": "statin"}, DROP)).to_pylist()

    assert {row["name"]: row["case_sensitive"] for row in found} == {"PSA": True, "statin": False}
