"""One spelling for an identifier."""

from __future__ import annotations

import polars as pl
import pytest

from kazu_platform.ontologies.curies import curie, is_curie, one_spelling


@pytest.mark.parametrize(
    ("iri", "expected"),
    [
        ("http://purl.obolibrary.org/obo/NCBITaxon_9606", "NCBITaxon:9606"),
        ("http://purl.obolibrary.org/obo/NCBITaxon_Union_0000021", "NCBITaxon_Union:0000021"),
        ("http://purl.obolibrary.org/obo/cl.owl", "http://purl.obolibrary.org/obo/cl.owl"),
        ("http://www.orpha.net/ORDO/Orphanet_558", "Orphanet:558"),
        ("http://www.ebi.ac.uk/efo/EFO_0000400", "EFO:0000400"),
        ("https://identifiers.org/umls/C0011860", "umls:C0011860"),
        ("https://cancer.sanger.ac.uk/cell_lines/sample/overview?id=907053", "COSMIC:907053"),
    ],
)
def test_a_known_address_becomes_a_curie(iri: str, expected: str):
    assert curie(iri) == expected


def test_an_address_is_no_curie():
    frame = pl.DataFrame({"id": ["CL:0000084", "http://a.org/b", "part_of", "GO:", "X:a b"]})
    assert frame.select(is_curie(pl.col("id")))["id"].to_list() == [True] + [False] * 4


def test_a_dated_edition_of_snomed_is_snomed():
    frame = pl.DataFrame({"x": ["SNOMEDCT_US_2025_05_01:406597005", "SNOMEDCT_2010_1_31:1"]})
    assert frame.select(one_spelling(pl.col("x")))["x"].to_list() == ["SCTID:406597005", "SCTID:1"]


def test_an_accession_of_cellosaurus_gets_its_prefix():
    """Its OBO file writes `id: CVCL_0030`."""
    assert curie("CVCL_0030") == "Cellosaurus:CVCL_0030"
    assert curie("CVCL_00301") == "CVCL_00301"


def test_prefixes_of_taxa_become_one():
    frame = pl.DataFrame({"x": ["NCBI_TaxID:9606", "taxonomy:9606", "NCBITaxon:9606"]})
    assert frame.select(one_spelling(pl.col("x")))["x"].to_list() == ["NCBITaxon:9606"] * 3
