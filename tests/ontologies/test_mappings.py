"""Mapping files: what a row says, and what is set aside with its line."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies.mappings import MappingSet, parse_mappings
from kazu_platform.settings import MappingSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Parse = Callable[..., MappingSet]

HEAD = """\
# curie_map:
#   DOID: http://purl.obolibrary.org/obo/DOID_
#   mim: https://omim.org/entry/
# mapping_set_version: 2026-08-04
subject_id\tsubject_label\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification
"""
JUSTIFIED = "semapv:ManualMappingCuration"


@pytest.fixture
def parse(tmp_path: Path) -> Parse:
    """Parse a text as a mapping file; options are those of the catalogue's entry."""

    def parsed(text: str | bytes, form: str = "sssom", **options: object) -> MappingSet:
        path = tmp_path / "mappings.tsv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        entry = {
            "name": "MONDO-DOID",
            "url": str(path),
            "format": form,
            "licence": "CC0-1.0",
            "homepage": "https://example.org",
        }
        return parse_mappings(MappingSource.model_validate({**entry, **options}), path)

    return parsed


def row(subject: str, predicate: str, object_: str, modifier: str = "") -> str:
    return f'{subject}\ta "label\t{predicate}\t{modifier}\t{object_}\t{JUSTIFIED}\n'


def triples(found: MappingSet) -> list[tuple[str, str, str]]:
    return [
        (each["subject_id"], each["predicate"], each["object_id"])
        for each in found.mappings.to_pylist()
    ]


def test_sssom_becomes_mappings_in_the_spelling_of_the_tables(parse: Parse):
    text = (
        HEAD
        + row("MONDO:0005148", "skos:exactMatch", "mesh:D003924")
        + row("MONDO:0005148", "skos:exactMatch", "mim:125853")
        + row("http://purl.obolibrary.org/obo/MONDO_0005148", "owl:equivalentClass", "DOID:9352")
        + row("MONDO:0005148", "skos:broadMatch", "ICD10CM:E11")
        + row("MONDO:0005148", "skos:exactMatch", "mesh:D003924")
    )

    found = parse(gzip.compress(text.encode()))

    assert triples(found) == [
        ("MONDO:0005148", "broadMatch", "ICD10CM:E11"),
        ("MONDO:0005148", "exactMatch", "DOID:9352"),
        ("MONDO:0005148", "exactMatch", "MESH:D003924"),
        ("MONDO:0005148", "exactMatch", "OMIM:125853"),
    ]
    assert set(found.mappings["mapping_set"].to_pylist()) == {"MONDO-DOID"}
    assert found.version == "2026-08-04"
    assert found.set_aside.num_rows == 0


def test_a_mapping_that_says_no_is_none(parse: Parse):
    text = (
        HEAD
        + row("MONDO:0005148", "skos:exactMatch", "DOID:9352")
        + row("MONDO:0005148", "skos:exactMatch", "DOID:9744", "Not")
        + row("MONDO:0005149", "skos:exactMatch", "sssom:NoTermFound")
    )

    found = parse(text)

    assert triples(found) == [("MONDO:0005148", "exactMatch", "DOID:9352")]
    assert found.set_aside.num_rows == 0


def test_rows_that_cannot_be_read_are_set_aside_with_their_line(parse: Parse):
    text = (
        HEAD
        + row("MONDO:0005148", "skos:exactMatch", "DOID:9352")
        + "MONDO:0005149\n"
        + row("diabetes", "skos:exactMatch", "DOID:9352")
        + row("MONDO:0005149", "skos:exactMatch", "")
        + row("MONDO:0005149", "", "DOID:9351")
        + "\n"
    ).encode() + b"MONDO:\xff\n"

    found = parse(text)

    assert triples(found) == [("MONDO:0005148", "exactMatch", "DOID:9352")]
    assert [
        (each["doc_id"], each["stage"], each["detail"]) for each in found.set_aside.to_pylist()
    ] == [
        ("MONDO-DOID#line 7", "concept_mappings", "a row of 1 cells, expected 6."),
        ("MONDO-DOID#line 8", "concept_mappings", "the subject is no CURIE: 'diabetes'"),
        ("MONDO-DOID#line 9", "concept_mappings", "the object is no CURIE: ''"),
        ("MONDO-DOID#line 10", "concept_mappings", "a row without a predicate."),
        ("MONDO-DOID#line 12", "concept_mappings", "the line is not UTF-8."),
    ]


def test_a_table_names_its_columns_and_prefixes(parse: Parse):
    """As UniChem writes them: ChEMBL, then ChEBI without its prefix."""
    found = parse(
        "From src:'1'\tTo src:'7'\nCHEMBL941\t45783\n\t6801\n",
        "table",
        columns={"subject_prefix": "CHEMBL.COMPOUND", "object_prefix": "CHEBI"},
    )

    assert triples(found) == [("CHEMBL.COMPOUND:CHEMBL941", "exactMatch", "CHEBI:45783")]
    assert found.set_aside["detail"].to_pylist() == ["the subject is no CURIE: ''"]


def test_a_table_may_have_no_header_and_other_separators(parse: Parse):
    found = parse(
        "! made by hand\nDOID:9352,x,MESH:D003924\n",
        "table",
        columns={
            "object": 2,
            "separator": ",",
            "header": False,
            "comment": "!",
            "predicate": "closeMatch",
        },
    )

    assert triples(found) == [("DOID:9352", "closeMatch", "MESH:D003924")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "subject_id\tpredicate_id\tobjectid\n",
            "has no column 'object_id'. The nearest is 'objectid'",
        ),
        (HEAD, "holds no mapping; is it sssom, as the catalogue says?"),
        ("# only: metadata\n", "holds no row."),
        ("", "the file is empty"),
    ],
)
def test_a_file_that_is_no_mapping_file_is_refused(parse: Parse, text: str, problem: str):
    with pytest.raises(MalformedFileError, match=problem.replace("?", r"\?")):
        parse(text)


def test_a_column_out_of_reach_is_named(parse: Parse):
    with pytest.raises(MalformedFileError, match="has no column 4: its first row has 2 cells"):
        parse("a\tb\n", "table", columns={"object": 4})
