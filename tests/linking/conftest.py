"""A small vocabulary with the troubles of the large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.linking.compile import build_linking_index
from kazu_platform.linking.exact import ExactLinker
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.surfaces import surfaces_from_strings
from kazu_platform.tables import CONCEPTS, SYNONYMS
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    Names = list[tuple[str, str] | tuple[str, str, bool]]

# concept, ontology, class, obsolete, names as (scope, name[, case_sensitive]); the label first.
VOCABULARY: list[tuple[str, str, str, bool, Names]] = [
    ("HGNC:6364", "HGNC", "gene", False, [
        ("label", "KLK3", True),
        ("exact", "kallikrein related peptidase 3"),
        ("exact", "prostate-specific antigen"),
        ("exact", "PSA", True),
    ]),
    ("HGNC:7900", "HGNC", "gene", False, [
        ("label", "NPEPPS", True),
        ("exact", "puromycin-sensitive aminopeptidase"),
        ("exact", "PSA", True),
    ]),
    ("HGNC:3236", "HGNC", "gene", False, [
        ("label", "EGFR", True),
        ("exact", "ERBB1", True),
        ("related", "HER1", True),
    ]),
    ("NCBIGene:13649", "MOUSE", "gene", False, [("label", "Egfr", True), ("exact", "Erbb1", True)]),
    ("HGNC:11892", "HGNC", "gene", False, [("label", "TNF", True), ("exact", "TNF-alpha")]),
    ("HGNC:12731", "HGNC", "gene", False, [("label", "WAS", True)]),
    ("HGNC:0", "HGNC", "gene", True, [("label", "TNFA", True), ("exact", "EGFR", True)]),
    ("MONDO:0007254", "MONDO", "disease", False, [
        ("label", "breast cancer"),
        ("exact", "malignant neoplasm of the breast"),
        ("related", "mammary cancer"),
    ]),
    ("MONDO:0004989", "MONDO", "disease", False, [
        ("label", "breast carcinoma"),
        ("broad", "breast cancer"),
        ("exact", "mammary cancer"),
    ]),
    ("DOID:1612", "DOID", "disease", False, [("label", "breast cancer")]),
    ("MONDO:0004975", "MONDO", "disease", False, [
        ("label", "Alzheimer disease"),
        ("abbreviation", "AD", True),
    ]),
    ("MONDO:0011292", "MONDO", "disease", False, [
        ("label", "atopic dermatitis"),
        ("abbreviation", "AD", True),
    ]),
]  # fmt: skip


def tables(vocabulary: list[tuple[str, str, str, bool, Names]]) -> tuple[pa.Table, pa.Table]:
    concepts: list[dict[str, Any]] = []
    synonyms: list[dict[str, Any]] = []
    for concept_id, ontology, entity_class, obsolete, names in vocabulary:
        key = {"concept_id": concept_id, "ontology": ontology, "entity_class": entity_class}
        concepts.append(
            {**key, "label": names[0][1], "obsolete": obsolete, "ontology_version": "1"}
        )
        synonyms += [
            {
                **key,
                "name": name[1],
                "scope": name[0],
                "normalised": normalise(name[1], entity_class),
                "normaliser_version": NORMALISER_VERSION,
                "case_sensitive": len(name) > 2,
                "in_context": False,
                "source": "ontology",
                "active": True,
                "linkable": True,
            }
            for name in names
        ]
    return CONCEPTS.from_rows(concepts), SYNONYMS.from_rows(synonyms)


@pytest.fixture
def vocabulary_of() -> Callable[..., tuple[pa.Table, pa.Table]]:
    """Make concepts and synonyms of such rows."""
    return tables


@pytest.fixture
def vocabulary() -> tuple[pa.Table, pa.Table]:
    """Concepts and synonyms."""
    return tables(VOCABULARY)


@pytest.fixture
def linker(tmp_path: Path, vocabulary: tuple[pa.Table, pa.Table]) -> ExactLinker:
    """A linker over the small vocabulary; MONDO stands before DOID in its catalogue."""
    build_linking_index(
        *vocabulary, tmp_path / "linking", ontologies=["HGNC", "MOUSE", "MONDO", "DOID"]
    )
    return ExactLinker(open_linking_index(tmp_path / "linking"))


@pytest.fixture
def linked(linker: ExactLinker) -> Callable[..., list[tuple[Any, ...]]]:
    """Concept, score, method and ambiguity of one string's links, best first."""

    def link(text: str, entity_class: str, context: str = "") -> list[tuple[Any, ...]]:
        import polars as pl

        row = {"text": [text], "entity_class": [entity_class], "context": [context]}
        links = linker.link(surfaces_from_strings(pl.DataFrame(row))).to_pylist()
        assert [each["rank"] for each in links] == list(range(1, len(links) + 1))
        return [
            (each["concept_id"], round(each["score"], 3), each["method"], each["ambiguous"])
            for each in links
        ]

    return link
