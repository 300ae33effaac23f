"""Each action changes the names it is about, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from kazu_platform.ontologies.curating import apply_curations
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise

if TYPE_CHECKING:
    from conftest import Decide


Changed = Callable[[pa.Table], dict[str, dict[str, Any]]]


@pytest.fixture
def changed(few_names: pa.Table, few_concepts: pa.Table) -> Changed:
    """Name to what is not as it was before; every column of a name that is new."""
    fresh = {(row["concept_id"], row["name"]): row for row in few_names.to_pylist()}

    def compare(curations: pa.Table) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for row in apply_curations(few_names, curations, few_concepts).to_pylist():
            before = fresh.get((row["concept_id"], row["name"]), {})
            differs = {key: value for key, value in row.items() if before.get(key, ...) != value}
            if differs:
                found[row["name"]] = differs
        return found

    return compare


def test_add_gives_the_concept_a_name(decide: Decide, few_names: pa.Table, few_concepts: pa.Table):
    curations = decide({"action": "add", "name": "CAT1", "concept_id": "HGNC:1516"})

    found = apply_curations(few_names, curations, few_concepts).to_pylist()

    assert found[:-1] == few_names.to_pylist()
    assert found[-1] == {
        "concept_id": "HGNC:1516",
        "ontology": "HGNC",
        "entity_class": "gene",
        "name": "CAT1",
        "scope": "exact",
        "normalised": normalise("CAT1", "gene"),
        "normaliser_version": NORMALISER_VERSION,
        "case_sensitive": True,
        "source": "curated",
        "origin": None,
        "rule": None,
        "active": True,
        "linkable": True,
        "in_context": False,
        "held_back_by": None,
        "curation_id": curations["curation_id"][0].as_py(),
        "automatic": None,
    }


def test_an_added_name_counts_in_the_case_that_is_said_or_that_its_shape_says(
    decide: Decide, changed: Changed
):
    row = {"action": "add", "concept_id": "HGNC:1516"}
    curations = decide(
        row | {"name": "the catalase enzyme"},
        row | {"name": "CAT1", "case_sensitive": "false", "scope": "narrow"},
        row | {"name": "CAT2"},
    )

    found = changed(curations)

    assert {text: each["case_sensitive"] for text, each in found.items()} == {
        "the catalase enzyme": False,
        "CAT1": False,
        "CAT2": True,
    }
    assert found["CAT1"]["scope"] == "narrow"


def test_adding_a_name_that_is_there_turns_it_on_in_its_scope(decide: Decide, changed: Changed):
    curations = decide(
        {"action": "add", "name": "IMD2", "concept_id": "HGNC:12731"},
        {"action": "add", "name": "was", "concept_id": "HGNC:12731"},
    )

    found = changed(curations)

    assert found["IMD2"]["scope"] == "exact"
    assert (found["was"]["active"], found["was"]["held_back_by"]) == (True, None)
    assert found["was"]["automatic"]["held_back_by"] == "function_word"
    assert len(found) == 2


def test_nothing_is_added_to_an_obsolete_or_unknown_concept(decide: Decide, changed: Changed):
    curations = decide(
        {"action": "add", "name": "OLD", "concept_id": "HGNC:7"},
        {"action": "add", "name": "older", "concept_id": "HGNC:7"},
        {"action": "add", "name": "none", "concept_id": "HGNC:8"},
    )

    assert changed(curations) == {}


def test_drop_turns_off_a_name_and_those_made_of_it(decide: Decide, changed: Changed):
    curations = decide({"action": "drop", "name": "catalase", "concept_id": "HGNC:1516"})
    [by] = curations["curation_id"].to_pylist()

    off = {"active": False, "linkable": False, "held_back_by": by, "curation_id": by}
    automatic = {
        "scope": "exact",
        "case_sensitive": False,
        "active": True,
        "linkable": True,
        "held_back_by": None,
    }
    assert changed(curations) == {
        "catalase": off | {"automatic": automatic},
        "catalases": off | {"automatic": automatic},
    }


def test_drop_means_every_spelling_that_the_same_text_would_match(decide: Decide, changed: Changed):
    assert set(changed(decide({"action": "drop", "name": "COX 2"}))) == {"COX-2", "COX2"}
    assert set(changed(decide({"action": "drop", "name": "Catalase"}))) == {"catalase", "catalases"}
    assert set(changed(decide({"action": "drop", "name": "Cat"}))) == set()


def test_drop_leaves_the_same_name_of_another_concept_alone(decide: Decide, changed: Changed):
    row = {"action": "drop", "name": "WAS", "concept_id": "HGNC:1516"}

    assert changed(decide(row)) == {}


def test_drop_in_a_class_leaves_other_classes_alone(decide: Decide, changed: Changed):
    row = {"action": "drop", "name": "WAS"}

    assert set(changed(decide(row | {"entity_class": "gene"}))) == {"WAS"}
    assert changed(decide(row | {"entity_class": "disease"})) == {}


def test_case_sets_the_rule_and_wakes_what_a_rule_held_back(decide: Decide, changed: Changed):
    row = {"action": "case", "concept_id": "HGNC:12731", "case_sensitive": "false"}
    curations = decide(row | {"name": "was"}, row | {"name": "WAS"})

    found = changed(curations)

    assert found["WAS"] == {
        "case_sensitive": False,
        "curation_id": found["WAS"]["curation_id"],
        "automatic": {
            "scope": "label",
            "case_sensitive": True,
            "active": True,
            "linkable": True,
            "held_back_by": None,
        },
    }
    assert (found["was"]["active"], found["was"]["held_back_by"]) == (True, None)


def test_a_rule_for_a_concept_counts_more_than_one_for_its_class(decide: Decide, changed: Changed):
    row = {"action": "case", "name": "WAS"}
    of_class = row | {"entity_class": "gene", "case_sensitive": "true"}
    of_concept = row | {"concept_id": "HGNC:12731", "case_sensitive": "false"}

    assert changed(decide(of_class, of_concept))["WAS"]["case_sensitive"] is False
    assert changed(decide(of_concept, of_class))["WAS"]["case_sensitive"] is False


def test_ignore_turns_a_string_off_in_any_case_whoever_has_it(decide: Decide, changed: Changed):
    curations = decide({"action": "ignore", "name": "Was", "entity_class": "gene"})
    [by] = curations["curation_id"].to_pylist()

    found = changed(curations)

    assert {text: each["held_back_by"] for text, each in found.items()} == {"WAS": by, "was": by}
    assert found["WAS"]["active"] is False
    assert "linkable" not in found["WAS"]


def test_ignore_counts_more_than_an_added_name(decide: Decide, changed: Changed):
    curations = decide(
        {"action": "ignore", "name": "cat1", "entity_class": "gene"},
        {"action": "add", "name": "CAT1", "concept_id": "HGNC:1516"},
    )

    assert changed(curations)["CAT1"]["active"] is False


def test_names_of_obsolete_concepts_stay_off(decide: Decide, changed: Changed):
    curations = decide(
        {"action": "case", "name": "OLD", "entity_class": "gene", "case_sensitive": "false"},
        {"action": "drop", "name": "OLD", "concept_id": "HGNC:7"},
    )

    assert changed(curations) == {}


@pytest.mark.parametrize(
    "why", [{"state": "proposed"}, {"state": "withdrawn"}, {"expires_on": "2026-05-31"}]
)
def test_what_is_not_in_force_changes_nothing(
    decide: Decide, changed: Changed, why: dict[str, str]
):
    assert changed(decide({"action": "drop", "name": "WAS"} | why)) == {}


def test_a_preference_changes_no_name(decide: Decide, changed: Changed):
    row = {"action": "prefer", "name": "WAS", "entity_class": "gene", "concept_id": "HGNC:1516"}

    assert changed(decide(row)) == {}


def test_taking_a_decision_back_gives_the_names_as_they_were(
    decide: Decide, few_names: pa.Table, few_concepts: pa.Table
):
    curations = decide(
        {"action": "drop", "name": "WAS"},
        {"action": "add", "name": "CAT1", "concept_id": "HGNC:1516"},
        {"action": "case", "name": "IMD2", "concept_id": "HGNC:12731", "case_sensitive": "false"},
    )
    curated = apply_curations(few_names, curations, few_concepts)

    assert curated != few_names
    assert apply_curations(curated, decide(), few_concepts) == few_names
