"""Which names are learnt from, and which are held out."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.training.alignment_names import (
    alignment_names,
    kin_of,
)
from kazu_platform.training.name_table import ALIGNMENT_NAMES, identity_of_names

DEFAULTS = {"entity_class": "disease", "scope": "exact", "source": "ontology", "linkable": True}


def synonyms(*rows: dict[str, Any]) -> pa.Table:
    """Names of concepts; the ontology is the prefix, the normalised form the lower case."""
    return pa.Table.from_pylist(
        [
            {
                **DEFAULTS,
                "ontology": row["concept_id"].split(":")[0],
                "normalised": row["name"].lower(),
                **row,
            }
            for row in rows
        ]
    )


def name(concept_id: str, text: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"concept_id": concept_id, "name": text, **more}


def names_in(table: pa.Table) -> list[str]:
    return table["name"].to_pylist()


def test_names_that_may_be_linked_are_taken_each_once():
    found = alignment_names(
        synonyms(
            name("DOID:1", "myocardial infarction", scope="label"),
            name("DOID:1", "Myocardial Infarction"),
            name("DOID:1", "heart attack"),
            name("DOID:1", "heart attacks", source="generated"),
            name("DOID:2", "obsolete thing", linkable=False),
        ),
        held_out=0,
    )
    assert found.schema == ALIGNMENT_NAMES
    assert names_in(found) == ["heart attack", "myocardial infarction"]


def test_concepts_are_known_by_their_leaders():
    equivalents = pa.table(
        {
            "concept_id": ["DOID:1", "DOID:2"],
            "ontology": ["DOID", "DOID"],
            "leader_id": ["MONDO:1", None],
        }
    )
    found = alignment_names(
        synonyms(name("DOID:1", "heart attack"), name("MONDO:1", "cardiac infarction")),
        equivalents,
        held_out=0,
    )
    assert found["concept_id"].to_pylist() == ["MONDO:1", "MONDO:1"]


def test_concepts_that_share_a_telling_name_are_kin_and_a_short_one_teaches_nothing():
    found = alignment_names(
        synonyms(
            name("DOID:1", "heart attack"),
            name("MESH:1", "heart attack"),
            name("MESH:1", "MI"),
            name("DOID:2", "mitral insufficiency"),
            name("DOID:2", "MI"),
            name("HGNC:1", "heart attack", entity_class="gene"),
        ),
        held_out=0,
    )
    rows = {(row["concept_id"], row["name"]): row["kin"] for row in found.to_pylist()}
    assert rows.keys() == {
        ("DOID:1", "heart attack"),
        ("MESH:1", "heart attack"),
        ("DOID:2", "mitral insufficiency"),
        ("HGNC:1", "heart attack"),
    }
    assert rows["DOID:1", "heart attack"] == rows["MESH:1", "heart attack"]
    assert len(set(rows.values())) == 3


def test_a_word_of_many_things_makes_no_kin():
    many = [name(f"DOID:{number}", "deficiency") for number in range(5)]
    own = [name(f"DOID:{number}", f"deficiency of enzyme {number}") for number in range(5)]
    found = alignment_names(synonyms(*many, *own), held_out=0)
    assert len(set(found["kin"].to_pylist())) == 5
    assert "deficiency" not in names_in(found)


def test_labels_and_names_of_several_concepts_and_all_names_of_one_are_never_held_out():
    rows = [name(f"DOID:{i}", f"label {i}", scope="label") for i in range(40)]
    rows += [name(f"DOID:{i}", f"synonym {j} of {i}") for i in range(40) for j in range(3)]
    rows += [name(f"MESH:{i}", f"synonym 0 of {i}") for i in range(40)]
    rows += [name(f"CL:{i}", f"{what} cell {i}") for i in range(9) for what in ("one", "other")]
    frame = pl.DataFrame(alignment_names(synonyms(*rows), held_out=0.999))
    held = frame.filter("held_out")
    assert held.height >= 70
    assert not held["name"].str.starts_with("label").any()
    assert not held["name"].str.starts_with("synonym 0").any()
    kept = frame.filter(~pl.col("held_out"))
    assert set(held["concept"]) <= set(kept["concept"])


def test_a_name_stays_held_out_in_another_version_of_the_vocabulary():
    rows = [name(f"DOID:{i}", f"label {i}", scope="label") for i in range(60)]
    rows += [name(f"DOID:{i}", f"synonym of {i}") for i in range(60)]
    more = [name(f"DOID:{i}", f"new name {i}", scope="label") for i in range(60, 90)]

    def held(table: pa.Table) -> set[str]:
        return set(pl.DataFrame(table).filter("held_out")["name"])

    first, second = (
        alignment_names(synonyms(*each), held_out=0.3) for each in (rows, [*more, *reversed(rows)])
    )
    assert held(first) == held(second)
    assert 8 <= len(held(first)) <= 28
    assert identity_of_names(first) != identity_of_names(second)
    assert identity_of_names(first) == identity_of_names(
        alignment_names(synonyms(*reversed(rows)), held_out=0.3)
    )


@given(st.lists(st.lists(st.integers(0, 14), min_size=2, max_size=4, unique=True), max_size=12))
@settings(max_examples=60, deadline=None)
def test_kin_are_all_who_are_joined_by_shared_names(shared: list[list[int]]):
    rows = [(f"own name {i}", i) for i in range(15)]
    rows += [(f"shared name {n}", i) for n, concepts in enumerate(shared) for i in concepts]
    frame = pl.DataFrame(
        {
            "entity_class": ["gene"] * len(rows),
            "normalised": [each for each, _ in rows],
            "concept": [each for _, each in rows],
        },
        schema_overrides={"concept": pl.Int32},
    )
    plain = list(range(15))
    for _ in range(15):
        for concepts in shared:
            least = min(plain[each] for each in concepts)
            for each in concepts:
                plain[each] = least
    assert kin_of(frame).tolist() == plain
