"""Equivalent concepts: who goes by whom, and who is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.ontologies.equivalence import MAX_HOLDERS, find_equivalents
from kazu_platform.tables import CONCEPT_MAPPINGS, CONCEPT_XREFS, CONCEPTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

T2D, DOID_T2D, MESH_T2D = "MONDO:0005148", "DOID:9352", "MESH:D003924"
ORDER = ("MONDO", "DOID", "MEDIC", "HP", "CHEBI", "DrugBank")
CLASS = {"HP": "phenotype", "CHEBI": "chemical", "DrugBank": "chemical"}
CONCEPT = {
    "MONDO": "MONDO",
    "DOID": "DOID",
    "MESH": "MEDIC",
    "HP": "HP",
    "CHEBI": "CHEBI",
    "DRUGBANK": "DrugBank",
}


def concepts(*ids: str, replaced: dict[str, str | None] | None = None) -> pa.Table:
    """Concepts of the ontology that their prefix names; obsolete ones with what replaced them."""
    gone = replaced or {}
    return CONCEPTS.from_rows(
        [
            {
                "concept_id": each,
                "ontology": CONCEPT[each.partition(":")[0]],
                "entity_class": CLASS.get(CONCEPT[each.partition(":")[0]], "disease"),
                "label": each,
                "obsolete": each in gone,
                "replaced_by": gone.get(each),
                "ontology_version": "1",
            }
            for each in (*ids, *gone)
        ]
    )


def xrefs(*pairs: tuple[str, str], predicate: str = "exactMatch") -> pa.Table:
    return CONCEPT_XREFS.from_rows(
        [
            {
                "concept_id": one,
                "predicate": predicate,
                "xref": other,
                "ontology": CONCEPT[one.partition(":")[0]],
            }
            for one, other in pairs
        ]
    )


def mappings(*pairs: tuple[str, str], predicate: str = "exactMatch") -> pa.Table:
    return CONCEPT_MAPPINGS.from_rows(
        [
            {"subject_id": one, "predicate": predicate, "object_id": other, "mapping_set": "SSSOM"}
            for one, other in pairs
        ]
    )


def found(
    known: pa.Table,
    refs: pa.Table | None = None,
    maps: pa.Table | None = None,
    preference: Sequence[str] = ORDER,
    equivalent_xrefs: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    rows = find_equivalents(
        known,
        CONCEPT_XREFS.empty() if refs is None else refs,
        CONCEPT_MAPPINGS.empty() if maps is None else maps,
        preference=preference,
        equivalent_xrefs=equivalent_xrefs,
    )
    return {row["concept_id"]: row for row in rows.to_pylist()}


def leaders(rows: dict[str, dict[str, Any]]) -> dict[str, str | None]:
    return {concept_id: row["leader_id"] for concept_id, row in rows.items()}


def test_one_disease_of_three_ontologies_goes_by_the_leading_one():
    rows = found(
        concepts(T2D, DOID_T2D, MESH_T2D),
        xrefs((T2D, DOID_T2D)),
        mappings((T2D, DOID_T2D), (T2D, MESH_T2D)),
    )

    assert rows == {
        DOID_T2D: {
            "concept_id": DOID_T2D,
            "ontology": "DOID",
            "entity_class": "disease",
            "leader_id": T2D,
            "leader_ontology": "MONDO",
            "match_id": T2D,
            "method": "direct",
            "evidence": ["MONDO", "SSSOM"],
            "refused": None,
            "candidates": [T2D],
        },
        MESH_T2D: {
            "concept_id": MESH_T2D,
            "ontology": "MEDIC",
            "entity_class": "disease",
            "leader_id": T2D,
            "leader_ontology": "MONDO",
            "match_id": T2D,
            "method": "direct",
            "evidence": ["SSSOM"],
            "refused": None,
            "candidates": [T2D],
        },
    }


@pytest.mark.parametrize("pair", [(T2D, DOID_T2D), (DOID_T2D, T2D)])
def test_an_exact_match_counts_in_either_direction(pair: tuple[str, str]):
    assert leaders(found(concepts(T2D, DOID_T2D), xrefs(pair))) == {DOID_T2D: T2D}
    assert leaders(found(concepts(T2D, DOID_T2D), None, mappings(pair))) == {DOID_T2D: T2D}


def test_who_leads_is_said_by_the_preference():
    rows = found(
        concepts(T2D, DOID_T2D, MESH_T2D),
        None,
        mappings((T2D, DOID_T2D), (T2D, MESH_T2D)),
        preference=("DOID", "MONDO", "MEDIC"),
    )

    assert leaders(rows) == {T2D: DOID_T2D, MESH_T2D: DOID_T2D}
    assert rows[MESH_T2D]["match_id"] == T2D


def test_a_match_of_several_concepts_is_refused():
    """DOID's one lung cancer would be MONDO's two: nobody says which."""
    rows = found(
        concepts("MONDO:0005138", "MONDO:0008903", "DOID:1324"),
        xrefs(("MONDO:0005138", "DOID:1324"), ("MONDO:0008903", "DOID:1324")),
    )

    (row,) = rows.values()
    assert (row["leader_id"], row["match_id"], row["refused"]) == (None, None, "ambiguous")
    assert row["candidates"] == ["MONDO:0005138", "MONDO:0008903"]


def test_two_concepts_may_go_by_one_that_both_match():
    """The leading ontology decides how finely the world is divided."""
    rows = found(
        concepts("MONDO:0004992", "DOID:162", "DOID:0050686"),
        xrefs(("MONDO:0004992", "DOID:162"), ("MONDO:0004992", "DOID:0050686")),
    )

    assert leaders(rows) == {"DOID:162": "MONDO:0004992", "DOID:0050686": "MONDO:0004992"}


def test_a_concept_follows_what_it_matches_one_step_up():
    """MeSH matches only DOID's concept, which goes by MONDO's."""
    rows = found(concepts(T2D, DOID_T2D, MESH_T2D), xrefs((T2D, DOID_T2D), (DOID_T2D, MESH_T2D)))

    assert leaders(rows) == {DOID_T2D: T2D, MESH_T2D: T2D}
    assert rows[MESH_T2D]["match_id"] == DOID_T2D


def test_a_detour_does_not_join_what_a_direct_match_keeps_apart():
    """MONDO has its own match in MeSH, so DOID's idea of it leads nowhere."""
    rows = found(
        concepts(T2D, DOID_T2D, MESH_T2D, "MESH:D003920"),
        xrefs((T2D, DOID_T2D), (T2D, MESH_T2D), (DOID_T2D, "MESH:D003920")),
    )

    assert leaders(rows) == {DOID_T2D: T2D, MESH_T2D: T2D, "MESH:D003920": None}
    assert rows["MESH:D003920"]["refused"] == "another_match"


def test_matches_that_go_round_in_a_circle_come_to_an_end():
    pairs = ((T2D, DOID_T2D), (DOID_T2D, MESH_T2D), (MESH_T2D, T2D), (T2D, T2D))

    assert leaders(found(concepts(T2D, DOID_T2D, MESH_T2D), xrefs(*pairs))) == {
        DOID_T2D: T2D,
        MESH_T2D: T2D,
    }


def test_one_wrong_match_does_not_join_two_groups():
    """Type 1 and type 2 diabetes stay two, though one MeSH id is said to be both."""
    rows = found(
        concepts(T2D, "MONDO:0005147", DOID_T2D, "DOID:9744", MESH_T2D),
        xrefs(
            (T2D, DOID_T2D),
            ("MONDO:0005147", "DOID:9744"),
            (T2D, MESH_T2D),
            ("MONDO:0005147", MESH_T2D),
        ),
    )

    assert leaders(rows) == {DOID_T2D: T2D, "DOID:9744": "MONDO:0005147", MESH_T2D: None}


def test_only_concepts_of_one_class_are_equivalent():
    assert (
        found(concepts("MONDO:0005059", "HP:0001909"), xrefs(("MONDO:0005059", "HP:0001909"))) == {}
    )


def test_an_obsolete_id_stands_for_what_replaced_it():
    known = concepts(
        T2D, DOID_T2D, replaced={"MONDO:1": "MONDO:2", "MONDO:2": T2D, "DOID:1": DOID_T2D}
    )

    for pair in ((T2D, "DOID:1"), ("MONDO:1", DOID_T2D), ("MONDO:1", "DOID:1")):
        rows = found(known, None, mappings(pair))
        assert leaders(rows) == {DOID_T2D: T2D}, pair
        assert rows[DOID_T2D]["method"] == "replaced"


def test_what_was_said_of_an_obsolete_id_does_not_outweigh_what_is_said_today():
    rows = found(
        concepts(T2D, "MONDO:0005015", DOID_T2D, replaced={"MONDO:1": "MONDO:0005015"}),
        xrefs((T2D, DOID_T2D), ("MONDO:1", DOID_T2D)),
    )

    assert (leaders(rows), rows[DOID_T2D]["method"]) == ({DOID_T2D: T2D}, "direct")


@pytest.mark.parametrize(
    "replaced", [{"MONDO:1": None}, {"MONDO:1": "MONDO:2", "MONDO:2": "MONDO:1"}]
)
def test_an_id_withdrawn_for_nothing_stands_for_nothing(replaced: dict[str, str | None]):
    known = concepts(T2D, DOID_T2D, replaced=replaced)

    assert found(known, None, mappings(("MONDO:1", DOID_T2D))) == {}


def test_the_same_id_in_two_ontologies_goes_by_the_preferred():
    row = concepts("MESH:D003924").to_pylist()[0]
    both = CONCEPTS.from_rows([row, row | {"ontology": "MeSH"}])

    rows = found(both, preference=("MeSH", "MEDIC"))

    (only,) = rows.values()
    assert (only["ontology"], only["leader_ontology"]) == ("MEDIC", "MeSH")
    assert (only["concept_id"], only["leader_id"]) == (MESH_T2D, MESH_T2D)
    assert (only["method"], only["evidence"]) == ("identical", ["MeSH"])


INCHIKEY = "INCHIKEY:KTUFNOKKBVMGRW-UHFFFAOYSA-N"


def test_two_drugs_of_one_structure_are_one():
    imatinib, of_drugbank = "CHEBI:45783", "DRUGBANK:DB00619"

    rows = found(
        concepts(imatinib, of_drugbank), xrefs((imatinib, INCHIKEY), (of_drugbank, INCHIKEY))
    )

    assert leaders(rows) == {of_drugbank: imatinib, INCHIKEY: imatinib}
    assert (rows[of_drugbank]["method"], rows[of_drugbank]["evidence"]) == ("shared", [INCHIKEY])


def test_a_structure_that_many_claim_identifies_nothing():
    many = [f"CHEBI:{number}" for number in range(MAX_HOLDERS + 1)]

    rows = found(
        concepts(*many, "DRUGBANK:DB00619"),
        xrefs(*((each, INCHIKEY) for each in (*many, "DRUGBANK:DB00619"))),
    )

    assert rows == {}


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ({}, {}),
        ({"CHEBI": False}, {}),
        ({"DrugBank": True}, {}),
        ({"CHEBI": ["DrugBank"]}, {"DRUGBANK:DB00619": "CHEBI:45783"}),
        ({"CHEBI": True}, {"DRUGBANK:DB00619": "CHEBI:45783", "CAS:152459-95-5": "CHEBI:45783"}),
    ],
)
def test_a_plain_cross_reference_means_the_same_only_if_the_catalogue_says_so(
    allowed: dict[str, Any], expected: dict[str, str]
):
    plain = xrefs(
        ("CHEBI:45783", "DRUGBANK:DB00619"), ("CHEBI:45783", "CAS:152459-95-5"), predicate="xref"
    )

    rows = found(concepts("CHEBI:45783", "DRUGBANK:DB00619"), plain, equivalent_xrefs=allowed)

    assert leaders(rows) == expected


@pytest.mark.parametrize("predicate", ["broadMatch", "closeMatch", "relatedMatch", "xref"])
def test_what_is_only_alike_is_not_joined(predicate: str):
    pair = (T2D, DOID_T2D)

    assert found(
        concepts(T2D, DOID_T2D),
        xrefs(pair, predicate=predicate),
        mappings(pair, predicate=predicate),
    ) == {}  # fmt: skip


def test_an_id_of_no_ontology_here_is_known_by_its_one_match():
    rows = found(
        concepts(T2D, "MONDO:0005015", DOID_T2D),
        xrefs(
            (T2D, DOID_T2D),
            (DOID_T2D, "UMLS:C0011860"),
            (T2D, "SCTID:44054006"),
            (T2D, "NCIT:C2985"),
            ("MONDO:0005015", "NCIT:C2985"),
        ),
    )

    assert leaders(rows) == {DOID_T2D: T2D, "UMLS:C0011860": T2D, "SCTID:44054006": T2D}
    assert (rows["UMLS:C0011860"]["ontology"], rows["UMLS:C0011860"]["match_id"]) == ("", DOID_T2D)


def test_the_order_of_rows_makes_no_difference():
    known = concepts(T2D, DOID_T2D, MESH_T2D, "MONDO:0005147", "DOID:9744")
    refs = xrefs((T2D, DOID_T2D), (DOID_T2D, MESH_T2D), ("DOID:9744", "MONDO:0005147"))
    backwards = list(reversed(range(known.num_rows)))

    one = find_equivalents(known, refs, CONCEPT_MAPPINGS.empty(), preference=ORDER)
    other = find_equivalents(
        known.take(backwards), refs.take([2, 0, 1]), CONCEPT_MAPPINGS.empty(), preference=ORDER
    )

    assert one.equals(other)


def test_without_concepts_there_are_no_equivalents():
    assert found(CONCEPTS.empty(), xrefs((T2D, DOID_T2D)), mappings((T2D, DOID_T2D))) == {}
