"""OBO: what stanzas say, and what broken ones cost."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from kazu_platform.ontologies.obo import read_obo
from kazu_platform.ontologies.terms import Fault, Statement, Term, Version

if TYPE_CHECKING:
    from conftest import ParseText

HEADER = """format-version: 1.4
data-version: mondo/releases/2026-09-01
synonymtypedef: ABBREVIATION "abbreviation"

"""


def statements(text: str) -> list[Statement]:
    return list(read_obo(io.BytesIO(text.encode()), Path("mondo.obo")))


def test_a_stanza_says_everything_about_its_term():
    found = statements(
        HEADER
        + r"""[Term]
id: MONDO:0005148 ! the id
name: type 2 diabetes mellitus {source="DOID:9352"} ! a comment
def: "Diabetes \"of the adult\"\, \nwith resistance." [DOID:9352, "a title"] {x="y"}
synonym: "T2D" EXACT ABBREVIATION [DOID:9352]
synonym: "NIDDM" RELATED OMO:0003000 []
synonym: "type II diabetes" EXACT []
synonym: "adult-onset diabetes" []
alt_id: MONDO:0099999
xref: DOID:9352 {source="MONDO:equivalentTo"}
xref: UMLS:C0011860 "Diabetes Mellitus, Non-Insulin-Dependent"
property_value: skos:closeMatch ICD10CM:E11
property_value: exactMatch "NCIT:C26747" xsd:string
property_value: seeAlso "https://example.org" xsd:anyURI
is_a: MONDO:0005015 {is_inferred="true"} ! diabetes mellitus
intersection_of: MONDO:0000001 ! disease
relationship: has_material_basis_in http://purl.obolibrary.org/obo/CHEBI_17234
consider: MONDO:0000002
"""
    )
    assert found == [
        Version("mondo/releases/2026-09-01"),
        Term(
            id="MONDO:0005148",
            label="type 2 diabetes mellitus",
            definition='Diabetes "of the adult", \nwith resistance.',
            synonyms=[
                ("T2D", "abbreviation"),
                ("NIDDM", "abbreviation"),
                ("type II diabetes", "exact"),
                ("adult-onset diabetes", "related"),
            ],
            alternatives=["MONDO:0099999"],
            relations=[("is_a", "MONDO:0005015"), ("has_material_basis_in", "CHEBI:17234")],
            xrefs=[
                ("exactMatch", "DOID:9352"),
                ("xref", "UMLS:C0011860"),
                ("closeMatch", "ICD10CM:E11"),
                ("exactMatch", "NCIT:C26747"),
            ],
        ),
    ]


def test_braces_inside_a_chemical_name_are_no_qualifiers():
    stanza = "[Term]\nid: CHEBI:1\nname: 2-{[(2R)-2-amino]}purine {a=b}\n"
    assert [s.label for s in statements(stanza) if isinstance(s, Term)] == [
        "2-{[(2R)-2-amino]}purine {a=b}"
    ]


def test_other_stanzas_are_skipped():
    text = "[Typedef]\nid: part_of\nname: part of\n\n[Instance]\nid: X:1\nname: one\n"
    assert statements(text) == []


def test_clauses_of_the_oldest_version_are_read():
    text = '[Term]\nid: CL:1\nname: a\nexact_synonym: "b" []\nbroad_synonym: "c" []\n'
    assert [s.synonyms for s in statements(text) if isinstance(s, Term)] == [
        [("b", "exact"), ("c", "broad")]
    ]


def test_a_broken_clause_is_named_and_the_rest_is_read():
    found = statements(
        "format-version: 1.2\n\n[Term]\nid: CL:0000084\nname: T cell\n"
        'synonym: "T lymphocyte EXACT []\nno tag here\nis_a:\nsynonym: "T-cell" EXACT []\n'
        "\n[Term]\nname: nobody\n"
    )
    assert [(s.line, s.id) for s in found if isinstance(s, Fault)] == [
        (6, "CL:0000084"),
        (7, "CL:0000084"),
        (8, "CL:0000084"),
        (11, None),
    ]
    assert [s.synonyms for s in found if isinstance(s, Term)] == [[("T-cell", "exact")]]


def test_a_line_that_is_not_utf_8_is_set_aside():
    text = b'[Term]\nid: MONDO:1\nname: disease\nsynonym: "Sj\xf6gren" EXACT []\n'
    found = list(read_obo(io.BytesIO(text), Path("latin1.obo")))
    assert found == [
        Fault("the line is not UTF-8.", 4, "MONDO:1"),
        Term("MONDO:1", "disease", synonyms=[], alternatives=[], relations=[], xrefs=[]),
    ]


def test_a_circle_and_a_broken_stanza_are_set_aside_and_the_rest_is_read(parse_text: ParseText):
    found = parse_text(
        "format-version: 1.2\n\n"
        "[Term]\nid: MONDO:1\nname: one\nis_a: MONDO:2\n\n"
        "[Term]\nid: MONDO:2\nname: two\nis_a: MONDO:1\n\n"
        "[Term]\nname: nobody\n\n"
        "[Term]\nid: MONDO:3\nname: three\nis_a: MONDO:1\n"
    )

    assert found.concepts["concept_id"].to_pylist() == ["MONDO:1", "MONDO:2", "MONDO:3"]
    aside = found.set_aside.select(["doc_id", "stage", "reason", "detail", "file", "position"])
    assert aside.to_pylist() == [
        {
            "doc_id": "own#line 13",
            "stage": "concepts",
            "reason": "malformed",
            "detail": "a stanza without an id",
            "file": "own",
            "position": 13,
        },
        {
            "doc_id": "MONDO:1",
            "stage": "concepts",
            "reason": "malformed",
            "detail": "is_a goes round in a circle: MONDO:1 -> MONDO:2 -> MONDO:1",
            "file": "own",
            "position": None,
        },
    ]


def test_the_file_of_cellosaurus_is_read_as_the_public_catalogue_says(parse_text: ParseText):
    """Its terms have bare accessions, its names are all related, its taxa are xrefs.

    A hybridoma of a mouse and a rat has no organism of its own.
    """
    found = parse_text(
        "format-version: 1.2\ndata-version: 56.0\ndefault-namespace: cellosaurus\n\n"
        '[Term]\nid: CVCL_0030\nname: HeLa\nsynonym: "Hela" RELATED []\nsubset: Female\n'
        "xref: NCBI_TaxID:9606 ! Homo sapiens (Human)\nxref: CLO:CLO_0003684\n\n"
        "[Term]\nid: CVCL_0058\nname:HeLa S3\nrelationship: derived_from CVCL_0030 ! HeLa\n\n"
        "[Term]\nid: CVCL_9999\nname: made up\nxref: NCBI_TaxID:10090 ! Mus musculus (Mouse)\n"
        "xref: NCBI_TaxID:10116 ! Rattus norvegicus (Rat)\n",
        entity_class="cell_line",
        id_prefixes=["Cellosaurus"],
        related_as="exact",
    )

    assert found.concepts["concept_id"].to_pylist() == [
        "Cellosaurus:CVCL_0030",
        "Cellosaurus:CVCL_0058",
        "Cellosaurus:CVCL_9999",
    ]
    assert found.concepts["taxon_id"].to_pylist() == ["NCBITaxon:9606", None, None]
    assert ("Hela", "exact") in set(
        zip(found.synonyms["name"].to_pylist(), found.synonyms["scope"].to_pylist(), strict=True)
    )
    assert found.relations.select(["subject_id", "predicate", "object_id"]).to_pylist() == [
        {
            "subject_id": "Cellosaurus:CVCL_0058",
            "predicate": "derived_from",
            "object_id": "Cellosaurus:CVCL_0030",
        }
    ]
    assert {"NCBITaxon:9606", "CLO:0003684"} < set(found.xrefs["xref"].to_pylist())
    assert found.set_aside.num_rows == 0
    assert found.version == "56.0"
