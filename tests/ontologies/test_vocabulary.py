"""What becomes a concept, which name wins, what is active."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.text.normalise import NORMALISER_VERSION

if TYPE_CHECKING:
    import pyarrow as pa
    from conftest import ParseText


def rows(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.select(list(columns)).to_pylist()]


def test_the_strongest_scope_of_a_name_is_kept(parse_text: ParseText):
    found = parse_text(
        '[Term]\nid: MONDO:1\nname: asthma\nsynonym: "asthma" RELATED []\n'
        'synonym: "bronchial asthma" BROAD []\nsynonym: "bronchial asthma" EXACT []\n'
    )
    assert rows(found.synonyms, "name", "scope", "normalised", "case_sensitive", "active") == [
        ("bronchial asthma", "exact", "bronchial asthma", False, True),
        ("asthma", "label", "asthma", False, True),
    ]
    assert set(found.synonyms["source"].to_pylist()) == {"ontology"}
    assert set(found.synonyms["normaliser_version"].to_pylist()) == {NORMALISER_VERSION}


def test_old_identifiers_resolve(parse_text: ParseText):
    found = parse_text(
        "[Term]\nid: HP:1\nname: All\nalt_id: HP:7\nalt_id: HP:8\n\n"
        "[Term]\nid: HP:8\nname: obsolete thing\nis_obsolete: true\n\n"
        "[Term]\nid: HP:9\nname: obsolete other\nis_obsolete: true\nconsider: HP:1\n\n"
        "[Term]\nid: HP:10\nis_obsolete: true\nreplaced_by: HP:1\n"
    )
    assert rows(found.concepts, "concept_id", "label", "obsolete", "replaced_by") == [
        ("HP:1", "All", False, None),
        ("HP:10", "All", True, "HP:1"),
        ("HP:7", "All", True, "HP:1"),
        ("HP:8", "obsolete thing", True, "HP:1"),
        ("HP:9", "obsolete other", True, None),
    ]
    assert [r for r in rows(found.synonyms, "name", "linkable") if r[1]] == [("All", True)]


def test_only_wanted_prefixes_are_concepts_and_their_relations_stay(parse_text: ParseText):
    found = parse_text(
        "[Term]\nid: CL:1\nname: T cell\nis_a: CL:2\nrelationship: part_of UBERON:1\n\n"
        "[Term]\nid: UBERON:1\nname: blood\nis_a: UBERON:2\nxref: FMA:9670\n",
        id_prefixes=["CL"],
    )
    assert rows(found.concepts, "concept_id") == [("CL:1",)]
    assert rows(found.relations, "subject_id", "predicate", "object_id") == [
        ("CL:1", "is_a", "CL:2"),
        ("CL:1", "part_of", "UBERON:1"),
    ]
    assert found.xrefs.num_rows == 0


def test_a_stanza_that_stands_twice_is_one_concept(parse_text: ParseText):
    found = parse_text(
        '[Term]\nid: CL:1\nname: T cell\nsynonym: "T-cell" EXACT []\n\n'
        '[Term]\nid: CL:1\nname: T lymphocyte\ndef: "A lymphocyte." []\n'
    )
    assert rows(found.concepts, "label", "definition") == [("T cell", "A lymphocyte.")]
    assert rows(found.synonyms, "name", "scope") == [
        ("T lymphocyte", "exact"),
        ("T-cell", "exact"),
        ("T cell", "label"),
    ]


def test_a_term_without_a_name_is_set_aside_unless_it_is_obsolete(parse_text: ParseText):
    found = parse_text(
        "[Term]\nid: CL:1\nname: cell\n\n[Term]\nid: CL:2\n\n"
        "[Term]\nid: CL:3\nis_obsolete: true\n\n[Term]\nid: GO:1\n",
        id_prefixes=["CL"],
    )
    assert rows(found.concepts, "concept_id") == [("CL:1",)]
    assert rows(found.set_aside, "doc_id") == [("CL:2",)]


def test_names_that_cannot_be_matched_are_inactive(parse_text: ParseText):
    found = parse_text(
        '[Term]\nid: X:1\nname: widget\nsynonym: "a" EXACT []\nsynonym: "100-1" EXACT []\n'
        'synonym: "α2" EXACT []\n'
    )
    assert dict(rows(found.synonyms, "name", "active")) == {
        "widget": True,
        "a": False,
        "100-1": False,
        "α2": True,
    }


def test_control_characters_become_a_blank(parse_text: ParseText):
    found = parse_text('[Term]\nid: X:1\nname: T\x00cell\nsynonym: "T\\nlymphocyte\x1b" EXACT []\n')
    assert set(found.synonyms["name"].to_pylist()) == {"T cell", "T lymphocyte"}
    assert found.concepts["label"].to_pylist() == ["T cell"]


def test_cross_references_are_spelled_one_way(parse_text: ParseText):
    found = parse_text(
        "[Term]\nid: X:1\nname: widget\nxref: MSH:D003924\nxref: mesh:D003924\nxref: UMLS_CUI:C1\n"
    )
    assert rows(found.xrefs, "predicate", "xref") == [("xref", "MESH:D003924"), ("xref", "UMLS:C1")]


def test_a_file_that_declares_no_version_is_known_by_its_hash(parse_text: ParseText):
    found = parse_text("[Term]\nid: X:1\nname: widget\n")
    assert found.version == "sha256:002336c81d16"
    assert found.concepts["ontology_version"].to_pylist() == ["sha256:002336c81d16"]


def test_a_file_without_a_wanted_concept_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match=r"vocabulary\.obo: holds no concept with prefix"):
        parse_text("[Term]\nid: CL:1\nname: cell\n", id_prefixes=["MONDO"])


def test_a_table_without_columns_is_a_wrong_catalogue(parse_text: ParseText):
    with pytest.raises(ConfigurationError, match="format table needs `columns`"):
        parse_text("a\tb\n", "table")


def test_a_concept_of_another_shape_is_set_aside(parse_text: ParseText):
    """Uberon's 2015 release has UBERON:FBbt_00004970 among its old identifiers."""
    found = parse_text(
        "[Term]\nid: UBERON:0002107\nname: liver\nalt_id: UBERON:FBbt_00004970\n"
        "alt_id: UBERON:0000001\n\n"
        "[Term]\nid: UBERON:2107\nname: hepar\n\n[Term]\nid: GO:0006915\nname: apoptosis\n",
        id_prefixes=["UBERON"],
        id_pattern=r"UBERON:\d{7}",
    )

    assert rows(found.concepts, "concept_id") == [("UBERON:0000001",), ("UBERON:0002107",)]
    assert rows(found.synonyms, "name") == [("liver",)]
    assert rows(found.set_aside, "doc_id", "reason", "detail") == [
        (name, "malformed", r"the identifier does not match id_pattern 'UBERON:\\d{7}'.")
        for name in ("UBERON:2107", "UBERON:FBbt_00004970")
    ]


def test_a_pattern_is_for_the_whole_identifier(parse_text: ParseText):
    text = "[Term]\nid: X:1\nname: widget\n\n[Term]\nid: X:12\nname: gadget\n"

    found = parse_text(text, id_pattern=r"X:1|Y:\d")

    assert rows(found.concepts, "concept_id") == [("X:1",)]


def test_a_file_in_which_nothing_matches_the_pattern_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match=r"holds no concept matching id_pattern 'CL:0'"):
        parse_text("[Term]\nid: CL:1\nname: cell\n", id_pattern="CL:0")


def test_a_pattern_that_looks_around_is_a_wrong_catalogue(parse_text: ParseText):
    with pytest.raises(ConfigurationError, match=r"ontology own: id_pattern: 'CL:\(\?=1\)\."):
        parse_text("[Term]\nid: CL:1\nname: cell\n", id_pattern="CL:(?=1).")


def test_names_that_a_file_calls_related_may_be_exact(parse_text: ParseText):
    text = '[Term]\nid: X:1\nname: HeLa\nsynonym: "He-La" RELATED []\nsynonym: "H" BROAD []\n'

    found = parse_text(text, related_as="exact")

    assert set(rows(found.synonyms, "name", "scope")) == {
        ("HeLa", "label"),
        ("He-La", "exact"),
        ("H", "broad"),
    }
