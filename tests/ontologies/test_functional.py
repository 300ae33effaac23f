"""OWL functional syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies import functional

if TYPE_CHECKING:
    from conftest import ParseText

T_CELL = r"""Prefix(:=<http://purl.obolibrary.org/obo/cl.owl#>)
Prefix(obo:=<http://purl.obolibrary.org/obo/>)
Prefix(oio:=<http://www.geneontology.org/formats/oboInOwl#>)
Prefix(xsd:=<http://www.w3.org/2001/XMLSchema#>)

Ontology(<http://purl.obolibrary.org/obo/cl.owl>
Import(<https://example.org/never-fetched.owl>)
Annotation(owl:versionInfo "2026-03-26"^^xsd:string)
Declaration(Class(obo:CL_0000084))
Declaration(Class(obo:CL_0000002))
Declaration(ObjectProperty(obo:BFO_0000050))
# a comment ) that closes nothing
AnnotationAssertion(rdfs:label obo:CL_0000084 "T cell"@en)
AnnotationAssertion(rdfs:label obo:CL_0000084 "T细胞"@zh)
AnnotationAssertion(Annotation(oio:hasDbXref "GOC:tfm") obo:IAO_0000115 obo:CL_0000084 "A \"T\"
lymphocyte (thymus).")
AnnotationAssertion(Annotation(oio:hasSynonymType obo:OMO_0003000) oio:hasExactSynonym
  obo:CL_0000084 "TC"^^xsd:string)
AnnotationAssertion(owl:deprecated obo:CL_0000002 "true"^^xsd:boolean)
AnnotationAssertion(obo:IAO_0100001 obo:CL_0000002 obo:CL_0000084)
AnnotationAssertion(rdfs:label obo:BFO_0000050 "part of")
SubClassOf(Annotation(oio:is_inferred "true") obo:CL_0000084 obo:CL_0000542)
SubClassOf(obo:CL_0000084 ObjectSomeValuesFrom(obo:BFO_0000050 obo:UBERON_0002405))
SubClassOf(obo:CL_0000084 ObjectSomeValuesFrom(obo:BFO_0000050
  ObjectIntersectionOf(obo:A_1 obo:A_2)))
EquivalentClasses(obo:CL_0000084 ObjectIntersectionOf(obo:CL_0000999 obo:CL_0000998))
)
"""


def expect_t_cell(parse_text: ParseText) -> None:
    found = parse_text(T_CELL, "ofn", entity_class="cell_type")
    assert found.version == "2026-03-26"
    columns = ["concept_id", "label", "definition", "obsolete", "replaced_by"]
    assert [tuple(r.values()) for r in found.concepts.select(columns).to_pylist()] == [
        ("CL:0000002", "T cell", None, True, "CL:0000084"),
        ("CL:0000084", "T cell", 'A "T"\nlymphocyte (thymus).', False, None),
    ]
    names = found.synonyms.select(["concept_id", "name", "scope"]).to_pylist()
    assert [tuple(r.values()) for r in names] == [
        ("CL:0000002", "T cell", "label"),
        ("CL:0000084", "TC", "abbreviation"),
        ("CL:0000084", "T cell", "label"),
    ]
    relations = found.relations.select(["predicate", "object_id"]).to_pylist()
    assert [tuple(r.values()) for r in relations] == [
        ("BFO:0000050", "UBERON:0002405"),
        ("is_a", "CL:0000542"),
    ]
    assert found.set_aside.num_rows == 0


def test_axioms_say_everything_about_a_concept(parse_text: ParseText):
    expect_t_cell(parse_text)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_where_the_file_is_cut_into_pieces_makes_no_difference(
    parse_text: ParseText, chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(functional, "_CHUNK", chunk)
    expect_t_cell(parse_text)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (T_CELL.rstrip()[:-1], "Ontology\\( is never closed"),
        (T_CELL + ")", "a bracket that was never opened"),
        (T_CELL.replace('"TC"', '"TC'), "is no functional syntax"),
        ("Ontology(" + "A(" * 1000, "nests too deep"),
    ],
)
def test_what_is_no_functional_syntax_is_named_with_its_line(
    parse_text: ParseText, broken: str, problem: str
):
    with pytest.raises(MalformedFileError, match=rf"vocabulary\.ofn, line \d+: .*{problem}"):
        parse_text(broken, "ofn")


def test_an_axiom_with_an_unknown_prefix_is_set_aside(parse_text: ParseText):
    axiom = "SubClassOf(obo:CL_0000084 nowhere:X_1)"
    found = parse_text(T_CELL.replace("# a comment ) that closes nothing", axiom), "ofn")
    assert found.set_aside["position"].to_pylist() == [12]
    assert "'nowhere:' was never declared" in found.set_aside["detail"][0].as_py()
