"""What is another between two versions of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.reports.difference import foremost, summary, vocabulary_difference
from kazu_platform.tables import VOCABULARY_CHANGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kazu_platform.reports.difference import Version

FLU = {"id": "DOID:8469", "label": "influenza", "names": ["flu"]}
COLD = {"id": "DOID:10459", "label": "common cold"}


def changed(
    vocabulary: Callable[..., Version], old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> list[tuple[str, str, str, str | None]]:
    rows = vocabulary_difference(vocabulary(old, "2015"), vocabulary(new, "2018")).to_pylist()
    return [(row["change"], row["concept_id"], row["name"], row["other"]) for row in rows]


def test_versions_that_are_the_same_differ_in_nothing(vocabulary: Callable[..., Version]):
    version = vocabulary([FLU, COLD])

    assert vocabulary_difference(version, version).equals(VOCABULARY_CHANGES.empty())


def test_a_change_says_between_which_versions_it_is(vocabulary: Callable[..., Version]):
    old, new = vocabulary([FLU], "2015-06-15"), vocabulary([FLU, COLD], "2018-07-05")

    assert vocabulary_difference(old, new).to_pylist()[0] == {
        "ontology": "DOID",
        "entity_class": "disease",
        "from_version": "2015-06-15",
        "to_version": "2018-07-05",
        "change": "concept_added",
        "concept_id": "DOID:10459",
        "name": "common cold",
        "other": None,
        "effect": None,
        "n_mentions": None,
    }


def test_a_concept_comes_and_goes_with_its_names(vocabulary: Callable[..., Version]):
    assert changed(vocabulary, [FLU], [FLU, COLD]) == [
        ("concept_added", "DOID:10459", "common cold", None),
        ("name_added", "DOID:10459", "common cold", None),
    ]
    assert changed(vocabulary, [FLU, COLD], [FLU]) == [
        ("concept_removed", "DOID:10459", "common cold", None),
        ("name_removed", "DOID:10459", "common cold", None),
    ]


def test_an_obsolete_concept_loses_its_names(vocabulary: Callable[..., Version]):
    gone = COLD | {"obsolete": True}

    assert changed(vocabulary, [FLU, COLD], [FLU, gone]) == [
        ("concept_obsoleted", "DOID:10459", "common cold", None),
        ("name_removed", "DOID:10459", "common cold", None),
    ]
    assert changed(vocabulary, [FLU, gone], [FLU, COLD]) == [
        ("concept_restored", "DOID:10459", "common cold", None),
        ("name_added", "DOID:10459", "common cold", None),
    ]


def test_names_move_to_what_replaces_a_concept(vocabulary: Callable[..., Version]):
    old = [FLU, {"id": "DOID:1", "label": "grippe"}]
    new = [
        FLU | {"names": ["flu", "Grippe"]},
        {"id": "DOID:1", "label": "grippe", "obsolete": True, "replaced_by": "DOID:8469"},
    ]

    assert changed(vocabulary, old, new) == [
        ("concept_replaced", "DOID:1", "grippe", "DOID:8469"),
        ("name_moved", "DOID:1", "grippe", "DOID:8469"),
    ]


def test_an_old_identifier_that_came_or_went_changes_nothing(vocabulary: Callable[..., Version]):
    old_id = {"id": "DOID:0", "label": "influenza", "obsolete": True, "replaced_by": "DOID:8469"}

    assert changed(vocabulary, [FLU], [FLU, old_id]) == []
    assert changed(vocabulary, [FLU, old_id], [FLU]) == []


def test_a_new_label_is_another_label_and_another_scope(vocabulary: Callable[..., Version]):
    new = {"id": "DOID:8469", "label": "flu", "names": ["influenza"]}

    assert changed(vocabulary, [FLU], [new]) == [
        ("concept_relabelled", "DOID:8469", "influenza", "flu"),
        ("scope_changed", "DOID:8469", "flu", "label"),
        ("scope_changed", "DOID:8469", "influenza", "exact"),
    ]


def test_a_name_that_is_only_written_otherwise_is_the_same_name(
    vocabulary: Callable[..., Version],
):
    new = FLU | {"names": ["Flu"]}

    assert changed(vocabulary, [FLU], [new]) == [("name_respelled", "DOID:8469", "flu", "Flu")]


@pytest.mark.parametrize(
    ("before", "after", "change", "other"),
    [
        ({}, {"active": False, "held_back_by": "english_word"}, "name_held_back", "english_word"),
        ({"active": False, "held_back_by": "too_short"}, {}, "name_activated", None),
        ({}, {"case_sensitive": True}, "case_rule_changed", "in its case"),
        ({}, {"scope": "related"}, "scope_changed", "related"),
    ],
)
def test_a_name_may_be_treated_in_another_way(
    vocabulary: Callable[..., Version],
    before: dict[str, Any],
    after: dict[str, Any],
    change: str,
    other: str | None,
):
    old, new = FLU | {"names": [("flu", before)]}, FLU | {"names": [("flu", after)]}

    assert changed(vocabulary, [old], [new]) == [(change, "DOID:8469", "flu", other)]


def test_of_names_that_fold_alike_the_strongest_counts(vocabulary: Callable[..., Version]):
    old = FLU | {"names": [("FLU", {"scope": "related"}), ("flu", {"scope": "exact"})]}
    new = FLU | {"names": [("flu", {"scope": "exact"})]}

    assert changed(vocabulary, [old], [new]) == []


def test_an_ontology_that_became_empty_lost_everything(vocabulary: Callable[..., Version]):
    assert changed(vocabulary, [COLD], []) == [
        ("concept_removed", "DOID:10459", "common cold", None),
        ("name_removed", "DOID:10459", "common cold", None),
    ]


def test_a_report_begins_with_counts_and_what_concerns_most_mentions(
    vocabulary: Callable[..., Version],
):
    changes = vocabulary_difference(vocabulary([FLU]), vocabulary([COLD]))
    counts = [3 if row["name"] == "flu" else 0 for row in changes.to_pylist()]
    changes = changes.drop(["n_mentions"]).append_column(
        VOCABULARY_CHANGES.schema.field("n_mentions"), [counts]
    )

    assert [(row["change"], row["rows"], row["mentions"]) for row in summary(changes).to_pylist()] \
        == [("concept_added", 1, 0), ("concept_removed", 1, 0),
            ("name_added", 1, 0), ("name_removed", 2, 3)]  # fmt: skip
    assert foremost(changes, 1)["name"].to_pylist() == ["flu"]
