"""MeSH XML: which records count, what their terms are, and hostile files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    import pyarrow as pa
    from conftest import ParseText

OPEN = (
    '<?xml version="1.0"?>\n<!DOCTYPE DescriptorRecordSet SYSTEM '
    '"https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd">\n'
    '<DescriptorRecordSet LanguageCode="eng">\n'
)
CLOSE = "</DescriptorRecordSet>"
TYPE_2 = """
<DescriptorRecord DescriptorClass="1">
  <DescriptorUI>D003924</DescriptorUI>
  <DescriptorName><String>Diabetes Mellitus, Type 2</String></DescriptorName>
  <TreeNumberList>
    <TreeNumber>C18.452.394.750.149</TreeNumber><TreeNumber>C19.246.300</TreeNumber>
  </TreeNumberList>
  <ConceptList>
    <Concept PreferredConceptYN="Y">
      <ConceptUI>M0006155</ConceptUI>
      <ConceptName><String>Diabetes Mellitus, Type 2</String></ConceptName>
      <ScopeNote>Cells answer
        insulin badly.
    </ScopeNote>
      <ConceptRelationList>
        <ConceptRelation RelationName="NRW">
          <Concept1UI>M0006155</Concept1UI><Concept2UI>M1</Concept2UI>
        </ConceptRelation>
        <ConceptRelation RelationName="NRW">
          <Concept1UI>M2</Concept1UI><Concept2UI>M0006155</Concept2UI>
        </ConceptRelation>
      </ConceptRelationList>
      <TermList>
        <Term IsPermutedTermYN="N" LexicalTag="NON" RecordPreferredTermYN="Y">
          <String>Diabetes Mellitus, Type 2</String></Term>
        <Term IsPermutedTermYN="N" LexicalTag="NON">
          <String>Diabetes Mellitus, Noninsulin-Dependent</String></Term>
        <Term IsPermutedTermYN="Y" LexicalTag="NON">
          <String>Noninsulin-Dependent Diabetes Mellitus</String></Term>
        <Term IsPermutedTermYN="Y" LexicalTag="NON"><String>Mellitus, Diabetes</String></Term>
        <Term IsPermutedTermYN="N" LexicalTag="ACR"><String>NIDDM</String></Term>
      </TermList>
    </Concept>
    <Concept PreferredConceptYN="N">
      <ConceptUI>M1</ConceptUI>
      <TermList><Term LexicalTag="ACR"><String>MODY</String></Term></TermList>
    </Concept>
    <Concept PreferredConceptYN="N">
      <ConceptUI>M2</ConceptUI>
      <TermList><Term LexicalTag="NON"><String>Adult Diabetes</String></Term></TermList>
    </Concept>
    <Concept PreferredConceptYN="N">
      <ConceptUI>M3</ConceptUI>
      <TermList><Term LexicalTag="NON"><String>Ketosis-Resistant Diabetes</String></Term></TermList>
    </Concept>
  </ConceptList>
</DescriptorRecord>
"""


def descriptor(ui: str, name: str, *trees: str, number: str = "0") -> str:
    numbers = "".join(f"<TreeNumber>{tree}</TreeNumber>" for tree in trees)
    return (
        f"<DescriptorRecord><DescriptorUI>{ui}</DescriptorUI>"
        f"<DescriptorName><String>{name}</String></DescriptorName>"
        f"<TreeNumberList>{numbers}</TreeNumberList><ConceptList>"
        '<Concept PreferredConceptYN="Y"><ConceptUI>M1</ConceptUI>'
        f"<RegistryNumberList><RegistryNumber>{number}</RegistryNumber></RegistryNumberList>"
        f"<TermList><Term><String>{name}</String></Term></TermList></Concept>"
        "</ConceptList></DescriptorRecord>\n"
    )


def supplementary(ui: str, name: str, kind: str, mapped: str) -> str:
    return (
        f'<SupplementalRecord SCRClass="{kind}"><SupplementalRecordUI>{ui}</SupplementalRecordUI>'
        f"<SupplementalRecordName><String>{name}</String></SupplementalRecordName>"
        "<Note>made up</Note><HeadingMappedToList><HeadingMappedTo><DescriptorReferredTo>"
        f"<DescriptorUI>{mapped}</DescriptorUI></DescriptorReferredTo></HeadingMappedTo>"
        '</HeadingMappedToList><ConceptList><Concept PreferredConceptYN="Y"><ConceptUI>M1'
        "</ConceptUI><RegistryNumber>9RMU91N5K2</RegistryNumber><TermList><Term><String>QHS"
        "</String></Term></TermList></Concept></ConceptList></SupplementalRecord>"
    )


def rows(table: pa.Table, *columns: str) -> list[tuple[object, ...]]:
    return [tuple(row[column] for column in columns) for row in table.to_pylist()]


def test_terms_have_the_scope_of_their_concept(parse_text: ParseText):
    """Terms that a machine turned round and that have a comma stand in no text."""
    found = parse_text(OPEN + TYPE_2 + CLOSE, "mesh")

    assert rows(found.concepts, "concept_id", "label", "definition") == [
        ("MESH:D003924", "Diabetes Mellitus, Type 2", "Cells answer insulin badly.")
    ]
    assert set(rows(found.synonyms, "name", "scope")) == {
        ("Diabetes Mellitus, Type 2", "label"),
        ("Diabetes Mellitus, Noninsulin-Dependent", "exact"),
        ("Noninsulin-Dependent Diabetes Mellitus", "exact"),
        ("NIDDM", "abbreviation"),
        ("MODY", "narrow"),
        ("Adult Diabetes", "broad"),
        ("Ketosis-Resistant Diabetes", "related"),
    }


def test_a_branch_takes_its_descriptors_and_their_parents(parse_text: ParseText):
    """Aspirin is a chemical, Female (without a tree number) neither; C0 is no branch of C04."""
    found = parse_text(
        OPEN
        + TYPE_2
        + descriptor("D003920", "Diabetes Mellitus", "C18.452.394.750", "C19.246")
        + descriptor("D019965", "Neurocognitive Disorders", "F03.615")
        + descriptor("D009682", "Nerve Tissue", "F031.1", "A10")
        + descriptor("D001241", "Aspirin", "D02.455", number="50-78-2")
        + descriptor("D005260", "Female")
        + CLOSE,
        "mesh",
        mesh={"branches": ["C", "F03"]},
    )

    assert found.concepts["concept_id"].to_pylist() == [
        "MESH:D003920",
        "MESH:D003924",
        "MESH:D019965",
    ]
    assert rows(found.relations, "subject_id", "predicate", "object_id") == [
        ("MESH:D003924", "is_a", "MESH:D003920")
    ]


@pytest.mark.parametrize(
    ("number", "xref"),
    [
        ("50-78-2", "CAS:50-78-2"),
        ("R16CO5Y76E", "UNII:R16CO5Y76E"),
        ("EC 2.7.10.2", "EC:2.7.10.2"),
        ("txid9606", "NCBITaxon:9606"),
        ("0", None),
    ],
)
def test_a_registry_number_is_a_cross_reference(
    parse_text: ParseText, number: str, xref: str | None
):
    aspirin = descriptor("D001241", "Aspirin", "D02.455", number=number)

    found = parse_text(OPEN + aspirin + CLOSE, "mesh")

    assert found.xrefs["xref"].to_pylist() == ([xref] if xref else [])


def test_supplementary_records_are_taken_by_class(parse_text: ParseText):
    text = (
        "<SupplementalRecordSet>"
        + supplementary("C031327", "artemisinin", "1", "*D037621")
        + supplementary("C567755", "Tooth Agenesis, Selective, 6", "3", "*D000848")
        + "</SupplementalRecordSet>"
    )

    chemicals = parse_text(text, "mesh", mesh={"supplementary": ["1"]})
    everything = parse_text(text, "mesh")

    assert rows(chemicals.concepts, "concept_id", "label") == [("MESH:C031327", "artemisinin")]
    assert rows(chemicals.relations, "predicate", "object_id") == [("mapped_to", "MESH:D037621")]
    assert chemicals.xrefs["xref"].to_pylist() == ["UNII:9RMU91N5K2"]
    assert everything.concepts.num_rows == 2


def test_a_record_without_an_identifier_or_a_name_is_set_aside(parse_text: ParseText):
    found = parse_text(
        OPEN
        + descriptor("", "Nothing", "C01")
        + descriptor("D000002", " ", "C02")
        + TYPE_2
        + CLOSE,
        "mesh",
    )

    assert found.concepts["concept_id"].to_pylist() == ["MESH:D003924"]
    assert rows(found.set_aside, "doc_id", "detail") == [
        ("own#line 4", "a record without DescriptorUI"),
        ("MESH:D000002", "a term without a label in English or without a language."),
    ]


def test_an_entity_bomb_does_not_go_off(parse_text: ParseText):
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    with pytest.raises(MalformedFileError, match="amplification"):
        parse_text(
            f'<!DOCTYPE DescriptorRecordSet [<!ENTITY a0 "aaaaaaaaaa">{entities}]>'
            f"<DescriptorRecordSet>{descriptor('D1', '&a11;', 'C01')}{CLOSE}",
            "mesh",
        )


@pytest.mark.timeout(20)
def test_deep_nesting_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match="Excessive depth"):
        parse_text("<DescriptorRecordSet>" + "<DescriptorRecord>" * 100_000, "mesh")


def test_a_file_that_ends_too_early_is_named_with_its_line(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match=r"vocabulary\.mesh, line \d+: is no well-formed"):
        parse_text(OPEN + TYPE_2[:-30], "mesh")


def test_another_xml_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match="its root is <html>, not <DescriptorRecordSet>"):
        parse_text("<html><body>Not found</body></html>", "mesh")
