"""Small vocabulary files on disk, and the catalogue's entry for them."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from kazu_platform.arrow import compute as pc
from kazu_platform.ontologies.curation_rows import KEYS
from kazu_platform.ontologies.curations import read_curations
from kazu_platform.ontologies.vocabulary import Vocabulary, parse_vocabulary
from kazu_platform.settings import OntologySource
from kazu_platform.tables import CONCEPTS, SYNONYMS
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


class ParseText(Protocol):
    """Write a file and parse it; names that rules generate are left out unless asked for."""

    def __call__(
        self,
        text: str | bytes,
        form: str = "obo",
        *,
        max_bytes: int = 1 << 30,
        entity_class: str = "disease",
        generated: bool = False,
        **entry: Any,  # noqa: ANN401 - any field of OntologySource
    ) -> Vocabulary: ...


@pytest.fixture
def parse_text(tmp_path: Path) -> ParseText:
    def parse(
        text: str | bytes,
        form: str = "obo",
        *,
        max_bytes: int = 1 << 30,
        entity_class: str = "disease",
        generated: bool = False,
        **entry: Any,  # noqa: ANN401 - any field of OntologySource
    ) -> Vocabulary:
        path = tmp_path / f"vocabulary.{form}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        source = OntologySource.model_validate(
            {
                "name": "own",
                "entity_class": entity_class,
                "url": str(path),
                "format": form,
                "licence": "CC0-1.0",
                "homepage": "https://example.org",
                **entry,
            }
        )
        found = parse_vocabulary(source, path, max_bytes=max_bytes)
        if generated:
            return found
        read = pc.equal(found.synonyms["source"], "ontology")
        return replace(found, synonyms=found.synonyms.filter(read))

    return parse


class Decide(Protocol):
    """Write a CSV of curations with what every row has, and read it as of 2026-06-01."""

    def __call__(self, *rows: dict[str, str], today: date = ..., called: str = "") -> pa.Table: ...


@pytest.fixture
def decide(tmp_path: Path) -> Decide:
    always = {
        "author": "curation team",
        "reason": "because",
        "decided_on": "2026-01-01",
        "state": "approved",
    }

    def read(*rows: dict[str, str], today: date = date(2026, 6, 1), called: str = "") -> pa.Table:
        path = tmp_path / "curations.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list[str](KEYS))
            writer.writeheader()
            writer.writerows([always | row for row in rows])
        return read_curations(path, today=today, called=called)

    return read


_GENE = {"ontology": "HGNC", "entity_class": "gene"}
_CONCEPTS = CONCEPTS.from_rows(
    [
        {**_GENE, "concept_id": curie, "label": label, "obsolete": old, "ontology_version": "1"}
        for curie, label, old in (
            ("HGNC:1516", "CAT", False),
            ("HGNC:12731", "WAS", False),
            ("HGNC:9605", "PTGS2", False),
            ("HGNC:7", "OLD", True),
        )
    ]
)


def _name(concept_id: str, text: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    held = other.get("held_back_by")
    row = {
        "concept_id": concept_id,
        "name": text,
        "scope": "exact",
        "normalised": normalise(text, "gene"),
        "normaliser_version": NORMALISER_VERSION,
        "case_sensitive": True,
        "source": "ontology",
        "active": held is None,
        "linkable": held != "obsolete",
        "in_context": False,
    }
    return _GENE | row | other


_NAMES = SYNONYMS.from_rows(
    [
        _name("HGNC:1516", "CAT", scope="label"),
        _name("HGNC:1516", "catalase", case_sensitive=False),
        _name(
            "HGNC:1516", "catalases", case_sensitive=False, source="generated", origin="catalase"
        ),
        _name("HGNC:12731", "WAS", scope="label"),
        _name("HGNC:12731", "IMD2", scope="related"),
        _name("HGNC:12731", "was", held_back_by="function_word"),
        _name("HGNC:9605", "COX-2"),
        _name("HGNC:9605", "COX2"),
        _name("HGNC:7", "OLD", scope="label", held_back_by="obsolete"),
    ]
)


@pytest.fixture
def few_concepts() -> pa.Table:
    """CONCEPTS of four genes, one of them obsolete."""
    return _CONCEPTS


@pytest.fixture
def few_names() -> pa.Table:
    """SYNONYMS of those genes, fresh from their ontology and its rules."""
    return _NAMES
