"""Every decision finds its concept and its names, or says why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from kazu_platform.ontologies.curating import apply_curations
from kazu_platform.ontologies.curation_effects import idle, with_effects
from kazu_platform.tables import CONCEPTS

if TYPE_CHECKING:
    from conftest import Decide


Effects = Callable[[pa.Table], list[tuple[str, int | None, str | None]]]


@pytest.fixture
def effects(few_names: pa.Table, few_concepts: pa.Table) -> Effects:
    """Effect, number of names changed and detail of each curation, in order."""

    def of(curations: pa.Table) -> list[tuple[str, int | None, str | None]]:
        names = apply_curations(few_names, curations, few_concepts)
        rows = with_effects(curations, names, few_concepts).to_pylist()
        rows.sort(key=lambda row: int(row["place"].removeprefix("line ")))
        return [(row["effect"], row["n_changed"], row["detail"]) for row in rows]

    return of


def test_names_that_change_are_counted(decide: Decide, effects: Effects):
    curations = decide(
        {"action": "drop", "name": "catalase", "concept_id": "HGNC:1516"},
        {"action": "add", "name": "CAT1", "concept_id": "HGNC:1516"},
        {"action": "ignore", "name": "was", "entity_class": "gene"},
        {"action": "prefer", "name": "x", "entity_class": "gene", "concept_id": "HGNC:1516"},
    )

    assert effects(curations) == [
        ("in_force", 2, None),
        ("in_force", 1, None),
        ("in_force", 2, None),
        ("in_force", None, None),
    ]


def test_a_concept_that_is_not_in_use_is_unknown(decide: Decide, effects: Effects):
    curations = decide(
        {"action": "add", "name": "x", "concept_id": "HGNC:8"},
        {"action": "drop", "name": "OLD", "concept_id": "HGNC:7"},
        {"action": "prefer", "name": "x", "entity_class": "gene", "concept_id": "HGNC:9"},
    )

    assert effects(curations) == [
        ("unknown_concept", 0, "no ontology of the catalogue has this concept"),
        ("unknown_concept", 0, "the concept is obsolete and nothing replaces it"),
        ("unknown_concept", None, "no ontology of the catalogue has this concept"),
    ]


def test_a_name_that_nobody_has_is_said(decide: Decide, effects: Effects):
    curations = decide(
        {"action": "drop", "name": "CATT"},
        {"action": "drop", "name": "WAS", "concept_id": "HGNC:1516"},
        {"action": "case", "name": "Imd2", "entity_class": "gene", "case_sensitive": "true"},
        {"action": "case", "name": "IMD2", "concept_id": "HGNC:12731", "case_sensitive": "true"},
    )

    same = "changes nothing; the name is so already, or another curation decides"
    assert effects(curations) == [
        ("no_such_name", 0, "nothing there has this name"),
        ("no_such_name", 0, "nothing there has this name"),
        ("in_force", 0, "changes nothing; the name is written IMD2"),
        ("in_force", 0, same),
    ]


def test_other_effects_stay_and_count_no_names(decide: Decide, effects: Effects):
    curations = decide(
        {"action": "drop", "name": "WAS", "state": "proposed"},
        {"action": "drop", "name": "IMD2"},
        {"action": "add", "name": "IMD2", "concept_id": "HGNC:12731"},
    )

    assert [effect[:2] for effect in effects(curations)] == [
        ("proposed", 0),
        ("contradicted", 0),
        ("contradicted", 0),
    ]


def test_without_a_vocabulary_nothing_is_looked_up(decide: Decide, few_names: pa.Table):
    curations = decide({"action": "drop", "name": "CATT"})

    assert with_effects(curations, few_names.slice(0, 0), CONCEPTS.empty()) == curations


def test_idle_are_those_that_somebody_should_look_at(
    decide: Decide, few_names: pa.Table, few_concepts: pa.Table
):
    curations = decide(
        {"action": "drop", "name": "WAS"},
        {"action": "drop", "name": "CATT"},
        {"action": "drop", "name": "CATS", "state": "withdrawn"},
        {"action": "prefer", "name": "x", "entity_class": "gene", "concept_id": "HGNC:1516"},
    )
    judged = with_effects(
        curations, apply_curations(few_names, curations, few_concepts), few_concepts
    )

    assert idle(judged)["name"].to_pylist() == ["CATT"]
