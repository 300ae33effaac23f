"""Small vocabularies and the surfaces of a small corpus, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from kazu_platform.linking.surfaces import surface_ids, with_normalised
from kazu_platform.reports.difference import Version
from kazu_platform.tables import CONCEPTS, SYNONYMS
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    Row = dict[str, Any]

ONTOLOGIES = {
    "MONDO": "disease",
    "DOID": "disease",
    "HGNC": "gene",
    "CHEBI": "chemical",
    "Cellosaurus": "cell_line",
}


def _names(row: Row, key: Row) -> list[Row]:
    """A name is a string, or (string, what is special about it)."""
    label = row["label"]
    named = [(label, {"scope": "label"}), *(row.get("names") or ())]
    pairs = [each if isinstance(each, tuple) else (each, {}) for each in named]
    obsolete = row.get("obsolete", False)
    held_back = {"active": False, "linkable": False, "held_back_by": "obsolete"} if obsolete else {}
    return [
        {
            **key,
            "name": name,
            "scope": "exact",
            "normalised": normalise(name, key["entity_class"]),
            "normaliser_version": NORMALISER_VERSION,
            "case_sensitive": False,
            "source": "ontology",
            "active": True,
            "linkable": True,
            "in_context": False,
        }
        | held_back
        | special
        for name, special in pairs
    ]


def _version(concepts: Sequence[Row], version: str = "1") -> Version:
    rows: list[Row] = []
    names: list[Row] = []
    for concept in concepts:
        ontology = concept.get("ontology") or concept["id"].partition(":")[0]
        key = {
            "concept_id": concept["id"],
            "ontology": ontology,
            "entity_class": ONTOLOGIES[ontology],
        }
        facts = {name: concept.get(name) for name in ("label", "replaced_by")}
        facts["obsolete"] = concept.get("obsolete", False)
        rows.append({**key, **facts, "ontology_version": version})
        names += _names(concept, key)
    return Version(CONCEPTS.from_rows(rows), SYNONYMS.from_rows(names))


@pytest.fixture(scope="session")
def vocabulary() -> Callable[..., Version]:
    """Concepts of (id, label, names, obsolete, replaced_by) as tables."""
    return _version


@pytest.fixture(scope="session")
def surfaces() -> Callable[[Sequence[tuple[str, str, int]]], pa.Table]:
    """SURFACES of (text, class, how often)."""

    def make(counted: Sequence[tuple[str, str, int]]) -> pa.Table:
        columns = ["text", "entity_class", "n_mentions"]
        strings = pl.DataFrame(counted, schema=columns, orient="row").with_columns(
            context=pl.lit(""), n_mentions=pl.col("n_mentions").cast(pl.Int64)
        )
        return with_normalised(strings.with_columns(surface_id=surface_ids(strings)))

    return make
