"""One string, several concepts: what is a conflict, and how much of the lake it touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from kazu_platform.reports.conflicts import counted, find_conflicts, worst
from kazu_platform.tables import CONFLICTS, SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kazu_platform.reports.difference import Version

PSA = [
    {"id": "HGNC:6364", "label": "KLK3", "names": ["PSA"]},
    {"id": "HGNC:7900", "label": "NPEPPS", "names": ["PSA"]},
]
BREAST_CANCER = [
    {"id": "MONDO:0007254", "label": "breast cancer"},
    {"id": "DOID:1612", "label": "Breast  cancer"},
]
COLUMNS = ["string", "kind", "compared_by", "concept_ids", "n_mentions"]


def found(conflicts: pa.Table) -> list[dict[str, Any]]:
    return conflicts.select(COLUMNS).to_pylist()


def test_a_symbol_of_two_genes_is_a_conflict_in_its_ontology(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    genes = vocabulary(PSA)
    corpus = surfaces([("PSA", "gene", 7), ("psa", "gene", 2), ("KLK3", "gene", 5)])

    [row] = find_conflicts(genes.concepts, genes.synonyms, corpus).to_pylist()

    assert row == {
        "string": "PSA",
        "kind": "within_ontology",
        "entity_classes": ["gene"],
        "ontologies": ["HGNC"],
        "compared_by": "folded",
        "concept_ids": ["HGNC:6364", "HGNC:7900"],
        "labels": ["KLK3", "NPEPPS"],
        "n_concepts": 2,
        "active": True,
        "n_mentions": 9,
        "first_concept_id": None,
        "first_score": None,
        "n_decided": None,
        "sentence_doc_id": None,
        "sentence": None,
    }


def test_names_that_are_equal_only_when_normalised_are_a_conflict(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    diseases = vocabulary(
        [{"id": "MONDO:1", "label": "leukaemia"}, {"id": "MONDO:2", "label": "leukemias"}]
    )
    corpus = surfaces([("leukemia", "disease", 4), ("leukaemia", "disease", 3)])

    assert found(find_conflicts(diseases.concepts, diseases.synonyms, corpus)) == [
        {
            "string": "leukaemia",
            "kind": "within_ontology",
            "compared_by": "normalised",
            "concept_ids": ["MONDO:1", "MONDO:2"],
            "n_mentions": 7,
        }
    ]


def test_ontologies_that_know_the_same_string_conflict_unless_their_concepts_are_equivalent(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    diseases = vocabulary(BREAST_CANCER)
    corpus = surfaces([("breast cancer", "disease", 3)])
    equivalents = pa.table(
        {
            "concept_id": ["DOID:1612", "MONDO:0007254"],
            "ontology": ["DOID", "MONDO"],
            "leader_id": ["MONDO:0007254", "MONDO:0007254"],
        }
    )

    apart = find_conflicts(diseases.concepts, diseases.synonyms, corpus)
    joined = find_conflicts(diseases.concepts, diseases.synonyms, corpus, equivalents=equivalents)

    assert found(apart) == [
        {
            "string": "breast cancer",
            "kind": "across_ontologies",
            "compared_by": "folded",
            "concept_ids": ["DOID:1612", "MONDO:0007254"],
            "n_mentions": 3,
        }
    ]
    assert joined.num_rows == 0


def test_a_conflict_within_an_ontology_is_not_told_again_across_if_the_other_adds_nothing(
    vocabulary: Callable[..., Version],
):
    diseases = vocabulary(
        [
            {"id": "MONDO:1", "label": "AD"},
            {"id": "MONDO:2", "label": "AD"},
            {"id": "MONDO:1", "label": "AD", "ontology": "DOID"},
        ]
    )

    rows = find_conflicts(diseases.concepts, diseases.synonyms, SURFACES.empty()).to_pylist()

    assert [(row["kind"], row["ontologies"]) for row in rows] == [("within_ontology", ["MONDO"])]


def test_a_gene_and_a_disease_of_one_name_conflict_across_classes(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    both = vocabulary(
        [
            {"id": "HGNC:12731", "label": "WAS"},
            {"id": "MONDO:0010518", "label": "Wiskott-Aldrich syndrome", "names": ["WAS"]},
        ]
    )
    corpus = surfaces([("was", "gene", 40), ("WAS", "disease", 2)])

    [row] = find_conflicts(both.concepts, both.synonyms, corpus).to_pylist()

    assert row["kind"] == "across_classes"
    assert row["string"] == "WAS"
    assert row["entity_classes"] == ["disease", "gene"]
    assert row["labels"] == ["WAS", "Wiskott-Aldrich syndrome"]
    assert row["n_mentions"] == 42


def test_names_of_obsolete_concepts_are_no_conflict(vocabulary: Callable[..., Version]):
    genes = vocabulary([PSA[0], PSA[1] | {"obsolete": True}])

    assert find_conflicts(genes.concepts, genes.synonyms, SURFACES.empty()).num_rows == 0


def test_a_name_that_may_be_linked_conflicts_though_it_is_not_matched(
    vocabulary: Callable[..., Version],
):
    held_back = {"active": False, "held_back_by": "too_short"}
    genes = vocabulary(
        [
            {"id": "HGNC:1", "label": "A1BG", "names": [("in", held_back)]},
            {"id": "HGNC:2", "label": "A2M", "names": [("in", held_back)]},
        ]
    )

    [row] = find_conflicts(genes.concepts, genes.synonyms, SURFACES.empty()).to_pylist()

    assert (row["string"], row["active"]) == ("in", False)


def test_what_touches_most_mentions_comes_first_with_its_sentence(
    vocabulary: Callable[..., Version], surfaces: Callable[..., pa.Table]
):
    all_ = vocabulary([*BREAST_CANCER, *PSA])
    corpus = surfaces([("PSA", "gene", 3), ("psa", "gene", 2), ("breast cancer", "disease", 4)])
    psa, breast = (
        row["surface_id"] for name in ("PSA", "breast cancer")
        for row in corpus.to_pylist() if row["text"] == name
    )  # fmt: skip
    asked: list[list[str]] = []

    def examples(surface_ids: Sequence[str]) -> pl.DataFrame:
        asked.append(sorted(surface_ids))
        return pl.DataFrame(
            {"surface_id": [psa], "sentence_doc_id": ["PMID:7"], "sentence": ["PSA rose."]}
        )

    rows = find_conflicts(all_.concepts, all_.synonyms, corpus, examples=examples)

    assert asked == [sorted([psa, breast])]
    assert found(rows.slice(0, 1))[0]["n_mentions"] == 5
    assert worst(rows).to_pylist() == [
        {
            "string": "PSA",
            "kind": "within_ontology",
            "classes": "gene",
            "concepts": "HGNC:6364 KLK3; HGNC:7900 NPEPPS",
            "mentions": 5,
            "linked to": None,
            "score": None,
            "mentions so linked": None,
            "sentence": "PSA rose. (PMID:7)",
        },
        {
            "string": "breast cancer",
            "kind": "across_ontologies",
            "classes": "disease",
            "concepts": "DOID:1612 Breast  cancer; MONDO:0007254 breast cancer",
            "mentions": 4,
            "linked to": None,
            "score": None,
            "mentions so linked": None,
            "sentence": None,
        },
    ]
    assert counted(rows).to_pylist() == [
        {
            "kind": kind,
            "conflicts": 1,
            "matched in texts": 1,
            "with mentions": 1,
            "mentions": mentions,
        }
        for kind, mentions in (("across_ontologies", 4), ("within_ontology", 5))
    ]


def test_no_names_are_no_conflicts(vocabulary: Callable[..., Version]):
    nothing = vocabulary([])

    rows = find_conflicts(nothing.concepts, nothing.synonyms, SURFACES.empty())

    assert rows.equals(CONFLICTS.empty())
    assert worst(rows).num_rows == counted(rows).num_rows == 0
