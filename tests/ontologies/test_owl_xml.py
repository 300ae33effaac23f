"""OWL as RDF/XML, friendly and hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import ParseText

OPEN = """<rdf:RDF xmlns:owl="http://www.w3.org/2002/07/owl#"
  xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
  xmlns:skos="http://www.w3.org/2004/02/skos/core#"
  xmlns:obo="http://purl.obolibrary.org/obo/"
  xmlns:oio="http://www.geneontology.org/formats/oboInOwl#">
"""
PURL = "http://purl.obolibrary.org/obo/"
T_CELL = f"""
<owl:Ontology rdf:about="{PURL}cl.owl">
  <owl:versionIRI rdf:resource="{PURL}cl/releases/2026-03-26/cl.owl"/>
  <owl:imports rdf:resource="https://example.org/never-fetched.owl"/>
</owl:Ontology>
<owl:ObjectProperty rdf:about="{PURL}BFO_0000050"><rdfs:label>part of</rdfs:label>
</owl:ObjectProperty>
<owl:Class rdf:about="{PURL}CL_0000084">
  <rdfs:subClassOf rdf:resource="{PURL}CL_0000542"/>
  <rdfs:subClassOf><owl:Restriction>
    <owl:onProperty rdf:resource="{PURL}BFO_0000050"/>
    <owl:someValuesFrom rdf:resource="{PURL}UBERON_0002405"/>
  </owl:Restriction></rdfs:subClassOf>
  <owl:equivalentClass><owl:Class><owl:intersectionOf rdf:parseType="Collection">
    <rdf:Description rdf:about="{PURL}CL_0000999"/>
  </owl:intersectionOf></owl:Class></owl:equivalentClass>
  <rdfs:label xml:lang="zh">T细胞</rdfs:label>
  <rdfs:label xml:lang="en">T cell</rdfs:label>
  <obo:IAO_0000115>A type of lymphocyte.</obo:IAO_0000115>
  <oio:hasExactSynonym>T-cell</oio:hasExactSynonym>
  <oio:hasRelatedSynonym>T-ly</oio:hasRelatedSynonym>
  <oio:hasDbXref>FMA:62870</oio:hasDbXref>
  <skos:exactMatch rdf:resource="http://identifiers.org/mesh/D013601"/>
  <oio:hasAlternativeId>CL:0000001</oio:hasAlternativeId>
</owl:Class>
<owl:Axiom>
  <owl:annotatedSource rdf:resource="{PURL}CL_0000084"/>
  <owl:annotatedProperty rdf:resource="http://www.geneontology.org/formats/oboInOwl#hasRelatedSynonym"/>
  <owl:annotatedTarget>T-ly</owl:annotatedTarget>
  <oio:hasSynonymType rdf:resource="{PURL}OMO_0003000"/>
</owl:Axiom>
<rdf:Description rdf:about="{PURL}CL_0000542">
  <rdf:type rdf:resource="http://www.w3.org/2002/07/owl#Class"/>
  <rdfs:label>lymphocyte</rdfs:label>
</rdf:Description>
<owl:Class rdf:about="{PURL}CL_0000002">
  <owl:deprecated rdf:datatype="http://www.w3.org/2001/XMLSchema#boolean">true</owl:deprecated>
  <obo:IAO_0100001 rdf:resource="{PURL}CL_0000542"/>
</owl:Class>
</rdf:RDF>
"""


def test_a_class_says_everything_about_its_concept(parse_text: ParseText):
    found = parse_text(OPEN + T_CELL, "owl", entity_class="cell_type", id_prefixes=["CL"])

    assert found.version == f"{PURL}cl/releases/2026-03-26/cl.owl"
    columns = ["concept_id", "label", "definition", "obsolete", "replaced_by"]
    assert [tuple(r.values()) for r in found.concepts.select(columns).to_pylist()] == [
        ("CL:0000001", "T cell", None, True, "CL:0000084"),
        ("CL:0000002", "lymphocyte", None, True, "CL:0000542"),
        ("CL:0000084", "T cell", "A type of lymphocyte.", False, None),
        ("CL:0000542", "lymphocyte", None, False, None),
    ]
    names = found.synonyms.select(["name", "scope", "active"]).to_pylist()
    assert [tuple(r.values()) for r in names if r["active"]] == [
        ("T-ly", "abbreviation", True),
        ("T-cell", "exact", True),
        ("T cell", "label", True),
        ("lymphocyte", "label", True),
    ]
    relations = found.relations.select(["predicate", "object_id"]).to_pylist()
    assert [tuple(r.values()) for r in relations] == [
        ("BFO:0000050", "UBERON:0002405"),
        ("is_a", "CL:0000542"),
    ]
    xrefs = found.xrefs.select(["predicate", "xref"]).to_pylist()
    assert [tuple(r.values()) for r in xrefs] == [
        ("exactMatch", "MESH:D013601"),
        ("xref", "FMA:62870"),
    ]
    assert found.set_aside.num_rows == 0


def test_restrictions_written_apart_from_their_class_are_found(parse_text: ParseText):
    found = parse_text(
        OPEN
        + f"""
<rdf:Description rdf:about="{PURL}CL_1"><rdfs:label>cell</rdfs:label>
  <rdf:type rdf:resource="http://www.w3.org/2002/07/owl#Class"/>
  <rdfs:subClassOf rdf:nodeID="n1"/></rdf:Description>
<rdf:Description rdf:nodeID="n1">
  <rdf:type rdf:resource="http://www.w3.org/2002/07/owl#Restriction"/>
  <owl:onProperty rdf:resource="{PURL}BFO_0000050"/>
  <owl:someValuesFrom rdf:resource="{PURL}UBERON_1"/></rdf:Description></rdf:RDF>""",
        "owl",
    )
    assert found.relations["object_id"].to_pylist() == ["UBERON:1"]


def test_prefixes_declared_as_entities_are_expanded(parse_text: ParseText):
    found = parse_text(
        f'<!DOCTYPE rdf:RDF [<!ENTITY obo "{PURL}">]>{OPEN}'
        '<owl:Class rdf:about="&obo;CL_1"><rdfs:label>cell</rdfs:label></owl:Class></rdf:RDF>',
        "owl",
    )
    assert found.concepts["concept_id"].to_pylist() == ["CL:1"]


def test_an_external_entity_is_not_fetched(parse_text: ParseText, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    with pytest.raises(MalformedFileError, match=r"vocabulary\.owl, line \d+: is no well-formed"):
        parse_text(
            f'<!DOCTYPE rdf:RDF [<!ENTITY x SYSTEM "{secret.as_uri()}">]>{OPEN}'
            f'<owl:Class rdf:about="{PURL}CL_1"><rdfs:label>&x;</rdfs:label></owl:Class></rdf:RDF>',
            "owl",
        )


def test_an_entity_bomb_does_not_go_off(parse_text: ParseText):
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    with pytest.raises(MalformedFileError, match="amplification"):
        parse_text(
            f'<!DOCTYPE rdf:RDF [<!ENTITY a0 "aaaaaaaaaa">{entities}]>{OPEN}'
            f'<owl:Class rdf:about="{PURL}CL_1"><rdfs:label>&a11;</rdfs:label></owl:Class>'
            "</rdf:RDF>",
            "owl",
        )


@pytest.mark.timeout(20)
def test_deep_nesting_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match="Excessive depth"):
        parse_text(OPEN + "<owl:Class><rdfs:subClassOf>" * 100_000, "owl")


def test_a_file_that_ends_too_early_is_named_with_its_line(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match=r"vocabulary\.owl, line \d+: is no well-formed"):
        parse_text((OPEN + T_CELL)[:-40], "owl")


def test_another_xml_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match="its root is <PubmedArticleSet>"):
        parse_text("<PubmedArticleSet/>", "owl")
