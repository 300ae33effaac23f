"""Linking by name."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.exact import MAX_ALTERNATIVES, ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.tables import CONCEPTS, LINKS, SURFACES, SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Linked = Callable[..., list[tuple[Any, ...]]]


def test_a_label_comes_before_a_synonym(linked: Linked):
    assert linked("breast cancer", "disease") == [
        ("MONDO:0007254", 1.0, "exact", False),
        ("DOID:1612", 1.0, "exact", False),
        ("MONDO:0004989", 0.88, "exact", False),
    ]


def test_an_exact_synonym_comes_before_a_related_one(linked: Linked):
    assert linked("mammary cancer", "disease") == [
        ("MONDO:0004989", 0.95, "exact", False),
        ("MONDO:0007254", 0.85, "exact", False),
    ]


def test_case_does_not_matter_for_a_name_in_words(linked: Linked):
    assert linked("Breast  cancer", "disease")[0] == ("MONDO:0007254", 0.99, "exact", False)


def test_a_symbol_in_its_case_comes_first(linked: Linked):
    assert linked("EGFR", "gene") == [
        ("HGNC:3236", 1.0, "exact", False),
        ("NCBIGene:13649", 0.79, "exact", False),
    ]
    assert linked("Egfr", "gene") == [
        ("NCBIGene:13649", 1.0, "exact", False),
        ("HGNC:3236", 0.79, "exact", False),
    ]


def test_what_normalises_alike_is_found(linked: Linked):
    assert linked("TNF-α", "gene") == [("HGNC:11892", 0.55, "normalised", False)]
    assert linked("Alzheimer's disease", "disease") == [("MONDO:0004975", 0.6, "normalised", False)]


def test_two_concepts_of_one_ontology_with_the_same_name_are_ambiguous(linked: Linked):
    assert linked("PSA", "gene") == [
        ("HGNC:6364", 0.95, "exact", True),
        ("HGNC:7900", 0.95, "exact", True),
    ]


def test_a_long_form_decides(linked: Linked):
    assert linked("PSA", "gene", "long:puromycin-sensitive aminopeptidase") == [
        ("HGNC:7900", 0.95, "abbreviation", False),
        ("HGNC:6364", 0.38, "exact", False),
    ]
    assert linked("AD", "disease", "long:Atopic  dermatitis")[0] == (
        "MONDO:0011292",
        0.99,
        "abbreviation",
        False,
    )


def test_a_long_form_that_nothing_fits_leaves_the_short_form(linked: Linked):
    assert linked("PSA", "gene", "long:public service announcement") == linked("PSA", "gene")


def test_what_the_document_names_otherwise_comes_first(linked: Linked):
    assert linked("PSA", "gene", "defined:HGNC:7900") == [
        ("HGNC:7900", 0.95, "exact", False),
        ("HGNC:6364", 0.38, "exact", False),
    ]
    assert linked("PSA", "gene", "defined:HGNC:3236") == linked("PSA", "gene")


def test_an_obsolete_concept_is_never_linked(linked: Linked):
    assert linked("TNFA", "gene") == []
    assert "HGNC:0" not in [concept for concept, *_ in linked("EGFR", "gene")]


def test_a_name_of_another_class_is_no_candidate(linked: Linked):
    assert linked("EGFR", "disease") == []
    assert linked("EGFR", "anatomy") == []
    assert linked("nothing of the kind", "gene") == []
    assert linked(" ", "gene") == []


def test_links_follow_their_surfaces_and_say_their_versions(linker: ExactLinker):
    surfaces = surfaces_from_strings(
        pl.DataFrame(
            {
                "text": ["WAS", "breast cancer", "unknown"],
                "entity_class": ["gene", "disease", "gene"],
                "context": ["", "", ""],
            }
        )
    )

    links = linker.link(surfaces)

    assert links.schema == LINKS.schema
    assert list(dict.fromkeys(links["surface_id"].to_pylist())) == [
        row["surface_id"] for row in surfaces.to_pylist() if row["text"] != "unknown"
    ]
    versions = {
        row["ontology"]: (row["vocabulary_version"], row["linker_version"])
        for row in links.to_pylist()
    }
    assert versions == {
        name: (linker.index.vocabulary_version[entity_class], linker.version)
        for name, entity_class in (("HGNC", "gene"), ("MONDO", "disease"), ("DOID", "disease"))
    }
    assert linker.link(SURFACES.empty()).num_rows == 0


def test_labels_are_known(linker: ExactLinker):
    surfaces = surfaces_from_strings(
        pl.DataFrame({"text": ["PSA"], "entity_class": ["gene"], "context": [""]})
    )

    assert linker.labels_of(linker.link(surfaces)) == ["KLK3", "NPEPPS"]


def test_alternatives_are_limited_and_in_a_fixed_order(tmp_path: Path):
    numbers = [f"HGNC:{number}" for number in range(100, 130)]
    key = {"ontology": "HGNC", "entity_class": "gene"}
    concepts = CONCEPTS.from_rows(
        [
            {**key, "concept_id": n, "label": n, "obsolete": False, "ontology_version": "1"}
            for n in reversed(numbers)
        ]
    )
    synonyms = SYNONYMS.from_rows(
        [
            {
                **key,
                "concept_id": n,
                "name": "p40",
                "scope": "exact",
                "normalised": "p 40",
                "normaliser_version": "0",
                "case_sensitive": False,
                "in_context": False,
                "source": "ontology",
                "active": True,
                "linkable": True,
            }
            for n in numbers
        ]
    )
    build_linking_index(concepts, synonyms, tmp_path / "index")
    linker = ExactLinker(open_linking_index(tmp_path / "index"))

    links = linker.link(
        surfaces_from_strings(
            pl.DataFrame({"text": ["P40"], "entity_class": ["gene"], "context": [""]})
        )
    )

    assert links["concept_id"].to_pylist() == numbers[:MAX_ALTERNATIVES]
    assert set(links["ambiguous"].to_pylist()) == {True}


def test_a_concept_of_two_ontologies_is_linked_once(tmp_path: Path):
    key = {"concept_id": "MONDO:1", "entity_class": "disease"}
    concepts = CONCEPTS.from_rows(
        [
            {**key, "ontology": o, "label": "gout", "obsolete": False, "ontology_version": "1"}
            for o in ("SLIM", "MONDO")
        ]
    )
    synonyms = SYNONYMS.from_rows(
        [
            {
                **key,
                "ontology": ontology,
                "name": "gout",
                "scope": "label",
                "normalised": "gout",
                "normaliser_version": "0",
                "case_sensitive": False,
                "in_context": False,
                "source": "ontology",
                "active": True,
                "linkable": True,
            }
            for ontology in ("SLIM", "MONDO")
        ]
    )
    build_linking_index(concepts, synonyms, tmp_path / "index", ontologies=["MONDO", "SLIM"])
    linker = ExactLinker(open_linking_index(tmp_path / "index"))

    links = linker.link(
        surfaces_from_strings(
            pl.DataFrame({"text": ["gout"], "entity_class": ["disease"], "context": [""]})
        )
    )

    assert links.select(["concept_id", "ontology", "ambiguous"]).to_pylist() == [
        {"concept_id": "MONDO:1", "ontology": "MONDO", "ambiguous": False}
    ]


def test_a_linker_travels_to_a_worker(linker: ExactLinker):
    copy = pickle.loads(pickle.dumps(linker))  # noqa: S301 - our own bytes

    assert copy.version == linker.version
    assert copy.index.vocabulary_version == linker.index.vocabulary_version


def test_strings_that_share_a_key_are_told_apart(
    tmp_path: Path, vocabulary: tuple[pa.Table, pa.Table]
):
    concepts, synonyms = vocabulary
    at = synonyms.schema.get_field_index("name")
    # CRC-32 of the two words is equal, and stays so behind the same class.
    names = pa.array(["plumless", *synonyms["name"].to_pylist()[1:]])
    build_linking_index(
        concepts, synonyms.set_column(at, synonyms.schema.field("name"), names), tmp_path / "index"
    )
    index = open_linking_index(tmp_path / "index")

    found = index.find("folded", pa.array(["plumless", "buckeroo"]), ["gene", "gene"])

    assert found.query.tolist() == [0]
