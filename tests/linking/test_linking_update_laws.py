"""A linking index that was brought up to date is the one that a full build gives, byte for byte."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.arrow import compute
from kazu_platform.errors import ArtifactError
from kazu_platform.linking.compile import (
    build_linking_index,
    changed_names,
    update_linking_index,
)
from kazu_platform.tables import CONCEPT_EQUIVALENTS, CONCEPTS, CURATIONS, SYNONYMS
from kazu_platform.text.normalise import NORMALISER_VERSION, normalise
from tests.linking.decisions import prefer

if TYPE_CHECKING:
    from collections.abc import Sequence

Name = tuple[str, str, str, bool, bool]

ORDER = ["MONDO", "DOID", "HGNC"]
CLASSES = {"MONDO": "disease", "DOID": "disease", "HGNC": "gene"}
CONCEPT_IDS = [(ontology, f"{ontology}:{number}") for ontology in ORDER for number in range(4)]
CONCEPT_ROWS = CONCEPTS.from_rows(
    [
        {
            "concept_id": concept_id,
            "ontology": ontology,
            "entity_class": CLASSES[ontology],
            "label": concept_id,
            "obsolete": concept_id == "DOID:3",
            "ontology_version": "1",
        }
        for ontology, concept_id in CONCEPT_IDS
    ]
)
EQUIVALENTS = CONCEPT_EQUIVALENTS.from_rows(
    [
        {
            "concept_id": f"DOID:{number}",
            "ontology": "DOID",
            "entity_class": "disease",
            "leader_id": f"MONDO:{number}",
            "leader_ontology": "MONDO",
            "method": "direct",
            "evidence": ["MONDO"],
            "candidates": [],
        }
        for number in (0, 1)
    ]
)
NAMES = st.tuples(
    st.sampled_from(CONCEPT_IDS),
    st.sampled_from(["was", "WAS", "Was", "TNF-α", "TNF alpha", "p 53", "p-53", "ä", "-", "cold"]),
    st.sampled_from(["label", "exact", "related"]),
    st.booleans(),
    st.booleans(),
).map(lambda row: (*row[0], *row[1:]))
ALWAYS = [(o, f"{o}:0", f"name of {o}", "label", False, True) for o in ORDER]


def synonyms(rows: Sequence[Any]) -> pa.Table:
    return SYNONYMS.from_rows(
        [
            {
                "concept_id": concept_id,
                "ontology": ontology,
                "entity_class": CLASSES[ontology],
                "name": name,
                "scope": scope,
                "normalised": normalise(name, CLASSES[ontology]),
                "normaliser_version": NORMALISER_VERSION,
                "case_sensitive": case_sensitive,
                "in_context": False,
                "source": "ontology",
                "active": True,
                "linkable": linkable,
            }
            for ontology, concept_id, name, scope, case_sensitive, linkable in dict.fromkeys(rows)
        ]
    )


def preferences(names: Sequence[str]) -> pa.Table:
    return CURATIONS.from_rows([prefer(name, "MONDO:2", "disease") for name in names])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def of(rows: pa.Table, concept_ids: Sequence[str]) -> pa.Table:
    return rows.filter(compute.is_in(rows["concept_id"], pa.array(concept_ids, pa.string())))


@settings(max_examples=150, deadline=None)
@given(
    before=st.lists(NAMES, max_size=16),
    after=st.lists(NAMES, max_size=6),
    n_kept=st.integers(0, 16),
    liked=st.tuples(*[st.lists(st.sampled_from(["was", "cold"]), unique=True)] * 2),
)
def test_an_updated_index_has_the_bytes_of_a_new_one(
    before: list[Name], after: list[Name], n_kept: int, liked: tuple[list[str], list[str]]
):
    old, new = synonyms([*ALWAYS, *before]), synonyms([*ALWAYS, *before[:n_kept], *after])
    known: dict[str, Any] = {"concepts": CONCEPT_ROWS, "equivalents": EQUIVALENTS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, rows, wanted in (("old", old, liked[0]), ("wanted", new, liked[1])):
            build_linking_index(
                synonyms=rows,
                folder=folder / name,
                ontologies=ORDER,
                preferences=preferences(wanted),
                **known,
            )
        update_linking_index(
            folder / "old",
            folder / "updated",
            changed=changed_names(old, new),
            synonyms=lambda concept_ids: of(new, concept_ids),
            preferences=preferences(liked[1]),
            **known,
        )
        assert files(folder / "updated") == files(folder / "wanted")


def test_an_index_of_other_concepts_is_not_brought_up_to_date(tmp_path: Path):
    rows = synonyms(ALWAYS)
    build_linking_index(CONCEPT_ROWS, rows, tmp_path / "old", ontologies=ORDER)
    with pytest.raises(ArtifactError, match="built of other concepts; build the linking index"):
        update_linking_index(
            tmp_path / "old",
            tmp_path / "new",
            concepts=CONCEPT_ROWS.slice(1),
            changed=changed_names(rows, rows),
            synonyms=lambda concept_ids: of(rows, concept_ids),
        )


@pytest.mark.parametrize("there", [True, False])
def test_a_class_that_comes_or_goes_asks_for_a_new_index(tmp_path: Path, *, there: bool):
    whole, part = synonyms(ALWAYS), synonyms(ALWAYS[:2])
    old, new = (whole, part) if there else (part, whole)
    build_linking_index(CONCEPT_ROWS, old, tmp_path / "old", ontologies=ORDER)
    with pytest.raises(ArtifactError, match=r"build it anew\.$"):
        update_linking_index(
            tmp_path / "old",
            tmp_path / "new",
            concepts=CONCEPT_ROWS,
            changed=changed_names(old, new),
            synonyms=lambda concept_ids: of(new, concept_ids),
        )
