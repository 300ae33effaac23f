"""A curation may say what a string of a class means first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.tables import CURATIONS
from tests.linking.decisions import prefer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    Linked = list[tuple[str, float, str, bool]]
    LinkWith = Callable[..., Linked]

ORDER = ["HGNC", "MOUSE", "MONDO", "DOID"]


@pytest.fixture
def linker_with(
    tmp_path: Path, vocabulary: tuple[pa.Table, pa.Table]
) -> Callable[..., ExactLinker]:
    def build(*preferences: dict[str, Any]) -> ExactLinker:
        folder = tmp_path / f"linking-{len(preferences)}"
        build_linking_index(
            *vocabulary,
            folder,
            ontologies=ORDER,
            preferences=CURATIONS.from_rows(list(preferences)),
        )
        return ExactLinker(open_linking_index(folder))

    return build


@pytest.fixture
def link_with(linker_with: Callable[..., ExactLinker]) -> LinkWith:
    """Concept, score, method and ambiguity of one string's links, best first."""

    def link(
        preference: dict[str, Any], text: str, entity_class: str = "gene", context: str = ""
    ) -> Linked:
        row = {"text": [text], "entity_class": [entity_class], "context": [context]}
        links = linker_with(preference).link(surfaces_from_strings(pl.DataFrame(row))).to_pylist()
        return [
            (each["concept_id"], round(each["score"], 3), each["method"], each["ambiguous"])
            for each in links
        ]

    return link


def test_the_preferred_concept_comes_first_and_is_not_ambiguous(link_with: LinkWith):
    assert link_with(prefer("PSA", "HGNC:7900"), "PSA") == [
        ("HGNC:7900", 1.0, "curated", False),
        ("HGNC:6364", 0.95, "exact", False),
    ]


def test_it_counts_more_than_the_order_of_the_catalogue_and_the_scope(link_with: LinkWith):
    found = link_with(
        prefer("breast cancer", "MONDO:0004989", "disease"), "breast cancer", "disease"
    )

    assert [(concept, method) for concept, _, method, _ in found] == [
        ("MONDO:0004989", "curated"),
        ("MONDO:0007254", "exact"),
        ("DOID:1612", "exact"),
    ]


def test_what_the_document_defines_counts_more(link_with: LinkWith):
    found = link_with(prefer("PSA", "HGNC:7900"), "PSA", context="long:prostate-specific antigen")

    assert [(concept, method) for concept, _, method, _ in found] == [
        ("HGNC:6364", "abbreviation"),
        ("HGNC:7900", "curated"),
    ]


def test_a_concept_may_be_preferred_for_a_string_that_is_no_name_of_it(link_with: LinkWith):
    assert link_with(prefer("AD", "HGNC:3236"), "AD") == [("HGNC:3236", 1.0, "curated", False)]


@pytest.mark.parametrize(
    ("case_rule", "text", "method"),
    [
        ({"case_sensitive": False}, "psa", "curated"),
        ({"case_sensitive": True}, "psa", "exact"),
        ({"case_sensitive": True}, "PSA", "curated"),
    ],
)
def test_a_preference_counts_in_its_case_or_in_any(
    link_with: LinkWith, case_rule: dict[str, bool], text: str, method: str
):
    found = link_with(prefer("PSA", "HGNC:7900", "gene", **case_rule), text)

    assert found[0][2] == method


def test_a_preference_is_about_one_class_and_one_string(link_with: LinkWith):
    preference = prefer("breast cancer", "MONDO:0004989", "disease")

    assert "curated" not in {each[2] for each in link_with(preference, "breast cancers", "disease")}
    assert link_with(preference, "breast cancer", "gene") == []


@pytest.mark.parametrize("concept_id", ["HGNC:0", "HGNC:1"], ids=["obsolete", "unknown"])
def test_a_concept_that_is_not_in_use_is_never_preferred(link_with: LinkWith, concept_id: str):
    assert "curated" not in {each[2] for each in link_with(prefer("PSA", concept_id), "PSA")}


def test_a_preference_changes_the_version_of_its_class_alone(
    linker_with: Callable[..., ExactLinker],
):
    without = linker_with().vocabulary_version
    now = linker_with(prefer("PSA", "HGNC:7900")).vocabulary_version

    assert {name for name in now if now[name] != without[name]} == {"gene"}
