"""Tables as their makers publish them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.ontologies import tabular

if TYPE_CHECKING:
    import pyarrow as pa
    from conftest import ParseText

HGNC = """hgnc_id\tsymbol\tname\tstatus\talias_symbol\tomim_id
HGNC:1100\tBRCA1\tBRCA1 DNA repair associated\tApproved\t"RNF53|BRCC1"\t113705
HGNC:3\tOLD1\t\tEntry Withdrawn\t\t
"""
HGNC_COLUMNS = {
    "id": "hgnc_id",
    "label": "symbol",
    "synonyms": [{"column": "name"}, {"column": "alias_symbol", "split": "|"}],
    "xrefs": [{"column": "omim_id", "prefix": "OMIM", "predicate": "closeMatch"}],
    "status": "status",
    "obsolete_status": ["Entry Withdrawn"],
}


def rows(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.select(list(columns)).to_pylist()]


def test_hgnc_has_quoted_lists_and_a_status(parse_text: ParseText):
    found = parse_text(
        HGNC, "table", columns=HGNC_COLUMNS, entity_class="gene", taxon_id="NCBITaxon:9606"
    )
    assert rows(found.concepts, "concept_id", "label", "obsolete", "taxon_id") == [
        ("HGNC:1100", "BRCA1", False, "NCBITaxon:9606"),
        ("HGNC:3", "OLD1", True, "NCBITaxon:9606"),
    ]
    assert rows(found.synonyms, "name", "scope", "case_sensitive", "active") == [
        ("BRCA1 DNA repair associated", "exact", False, True),
        ("BRCC1", "exact", True, True),
        ("RNF53", "exact", True, True),
        ("BRCA1", "label", True, True),
        ("OLD1", "label", True, False),
    ]
    assert rows(found.xrefs, "predicate", "xref") == [("closeMatch", "OMIM:113705")]


def test_gene_info_has_dashes_a_taxon_and_rows_of_other_organisms(parse_text: ParseText):
    found = parse_text(
        "#tax_id\tGeneID\tSymbol\tSynonyms\tdbXrefs\n"
        '10090\t22059\tTrp53\tp53|bfy"\tMGI:MGI:98834|Ensembl:ENSMUSG00000059552\n'
        "10091\t1\tXyz\t-\t-\n",
        "table",
        entity_class="gene",
        columns={
            "id": "GeneID",
            "id_prefix": "NCBIGene",
            "label": "Symbol",
            "synonyms": [{"column": "Synonyms", "split": "|"}],
            "xrefs": [{"column": "dbXrefs", "split": "|"}],
            "taxon": "#tax_id",
            "quoting": False,
            "where": {"#tax_id": ["10090"]},
        },
    )
    assert rows(found.concepts, "concept_id", "taxon_id") == [("NCBIGene:22059", "NCBITaxon:10090")]
    assert found.synonyms["name"].to_pylist() == ['bfy"', "p53", "Trp53"]
    assert found.xrefs["xref"].to_pylist() == ["ENSEMBL:ENSMUSG00000059552", "MGI:98834"]


def test_drugbank_has_quoted_commas(parse_text: ParseText):
    found = parse_text(
        "DrugBank ID,Common name,Synonyms\r\n"
        'DB00003,Dornase alfa,"Dornasa alfa | Dornase alfa, recombinant"\r\n',
        "table",
        entity_class="chemical",
        columns={
            "id": "DrugBank ID",
            "id_prefix": "DRUGBANK",
            "label": "Common name",
            "separator": ",",
            "synonyms": [{"column": "Synonyms", "split": " | "}],
        },
    )
    assert found.synonyms["name"].to_pylist() == [
        "Dornasa alfa",
        "Dornase alfa, recombinant",
        "Dornase alfa",
    ]


MEDIC = {
    "header": False,
    "separator": "||",
    "id": 0,
    "id_split": "|",
    "id_patterns": {"[CD][0-9]+": "MESH", "[0-9]+": "OMIM"},
    "label": 1,
    "label_split": "|",
}


def test_medic_has_identifiers_and_names_in_one_cell_each(parse_text: ParseText):
    found = parse_text(
        "C567755|613097||Tooth Agenesis, Selective, 6|STHAG6\n"
        "613098||Some Syndrome\n"
        "C||Diseases\n"
        "D1||too||many\n"
        "\n"
        "no separator\n",
        "table",
        columns=MEDIC,
    )
    assert rows(found.concepts, "concept_id", "label") == [
        ("MESH:C567755", "Tooth Agenesis, Selective, 6"),
        ("OMIM:613098", "Some Syndrome"),
    ]
    assert rows(found.synonyms, "name", "scope")[:2] == [
        ("STHAG6", "exact"),
        ("Tooth Agenesis, Selective, 6", "label"),
    ]
    assert rows(found.xrefs, "concept_id", "xref") == [("MESH:C567755", "OMIM:613097")]
    assert rows(found.set_aside, "doc_id", "detail") == [
        ("own#line 4", "a row of 3 cells, expected 2: 'D1||too||many'"),
        ("own#line 6", "a row of 1 cells, expected 2: 'no separator'"),
        ("own#line 3", "an identifier of unknown shape: C"),
    ]


def test_the_identifier_of_the_first_pattern_is_the_concepts(parse_text: ParseText):
    """MEDIC's names are MeSH's wherever a row has an identifier of MeSH."""
    found = parse_text(
        "211980|D008175 | 608935||Lung Neoplasms|Cancer of Lung\n1|2||Some Syndrome\n",
        "table",
        columns=MEDIC,
    )

    assert rows(found.concepts, "concept_id", "label") == [
        ("MESH:D008175", "Lung Neoplasms"),
        ("OMIM:1", "Some Syndrome"),
    ]
    assert sorted(rows(found.xrefs, "concept_id", "xref")) == [
        ("MESH:D008175", "OMIM:211980"),
        ("MESH:D008175", "OMIM:608935"),
        ("OMIM:1", "OMIM:2"),
    ]


def test_rows_of_one_identifier_are_one_concept(parse_text: ParseText):
    found = parse_text(
        "\ufeff# names of cell lines\nHeLa\tCVCL_0030\tHomo sapiens\n"
        "He La\tCVCL_0030\tHomo sapiens\nSf9\tCVCL_0549\tSpodoptera frugiperda\n",
        "table",
        entity_class="cell_line",
        columns={
            "header": False,
            "comment": "#",
            "id": 1,
            "id_prefix": "Cellosaurus",
            "label": 0,
            "taxon": 2,
            "taxon_names": {"Homo sapiens": "NCBITaxon:9606"},
        },
    )
    assert rows(found.concepts, "concept_id", "label", "taxon_id") == [
        ("Cellosaurus:CVCL_0030", "HeLa", "NCBITaxon:9606"),
        ("Cellosaurus:CVCL_0549", "Sf9", None),
    ]
    assert rows(found.synonyms, "name", "scope") == [
        ("He La", "exact"),
        ("HeLa", "label"),
        ("Sf9", "label"),
    ]


@pytest.mark.parametrize("block", [1, 30, 1000])
def test_a_bad_row_is_set_aside_with_its_line(
    parse_text: ParseText, block: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tabular, "_BLOCK", block)
    found = parse_text(
        'id\tname\nX:1\tone\n\nX:2\nX:3\tthree\tmore\nX:4\t"four\n\tnobody\nX:5\tfive\nX:6\t',
        "table",
        columns={"id": "id", "label": "name"},
    )
    assert found.concepts["concept_id"].to_pylist() == ["X:1", "X:5"]
    assert sorted(rows(found.set_aside, "position", "doc_id"), key=str) == [
        (4, "own#line 4"),
        (5, "own#line 5"),
        (6, "own#line 6"),
        (7, "own#line 7"),
        (None, "X:6"),
    ]


def test_a_list_of_one_column_is_read(parse_text: ParseText):
    found = parse_text("X:1\n\nX:2\n", "table", columns={"header": False, "id": 0, "label": 0})
    assert found.concepts["label"].to_pylist() == ["X:1", "X:2"]


def test_a_missing_column_is_named_with_the_nearest_there_is(parse_text: ParseText):
    with pytest.raises(MalformedFileError) as failed:
        parse_text(HGNC, "table", columns={**HGNC_COLUMNS, "label": "symbols"})
    assert "vocabulary.table: has no column 'symbols'. The nearest is 'symbol'." in str(
        failed.value
    )


def test_a_missing_index_is_named(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match="has no column 7: its first row has 2 cells"):
        parse_text("a\tb\n", "table", columns={"header": False, "id": 0, "label": 7})


def test_a_header_without_a_header_row_is_a_wrong_catalogue(parse_text: ParseText):
    with pytest.raises(ConfigurationError, match="'name' is a header, but `header` is false"):
        parse_text("a\tb\n", "table", columns={"header": False, "id": 0, "label": "name"})


def test_a_table_that_is_not_utf_8_is_named(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match=r"vocabulary\.table.*UTF-?8"):
        parse_text(b"id\tname\nX:1\tSj\xf6gren\n", "table", columns={"id": "id", "label": "name"})
