"""Every file of the development data is read, and counted as its makers count it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pytest

from kazu_platform.ontologies.files import open_source
from kazu_platform.ontologies.functional import read_functional
from kazu_platform.ontologies.obo import read_obo
from kazu_platform.ontologies.obograph import read_obograph
from kazu_platform.ontologies.owl_xml import read_owl
from kazu_platform.ontologies.terms import Statements, gather
from kazu_platform.ontologies.vocabulary import parse_vocabulary
from kazu_platform.settings import OntologySource, read_catalogue

READERS = {
    "obo": read_obo,
    "OBO (DERIVED here)": read_obo,
    "obograph JSON": read_obograph,
    "gz obograph JSON": read_obograph,
    "owl RDF/XML": read_owl,
    "owl functional syntax": read_functional,
}
# Concepts, of them obsolete (old identifiers count), names, is_a and other relations, xrefs.
CATALOGUE = {
    "MONDO": (32727, 0, 118018, 28842, 125396),
    "DOID": (12906, 4000, 28707, 11343, 43801),
    "MEDIC": (11914, 0, 76236, 0, 3028),
    "HGNC": (43882, 0, 192532, 0, 122756),
    "NCBIGene-mouse": (73081, 0, 325264, 0, 104906),
    "DrugBank": (19842, 0, 55594, 0, 42912),
    "ChEMBL": (42299, 0, 42299, 0, 0),
    "ChEBI": (2713, 1130, 7163, 3945, 4646),
    "MeSH-chemicals": (37304, 0, 82396, 0, 0),
    "NCBITaxon": (1754, 734, 2536, 2038, 1758),
    "Species-names": (9999, 0, 67720, 0, 0),
    "Cellosaurus": (64234, 0, 92932, 0, 0),
    "DepMap": (1814, 0, 3182, 0, 2658),
    "CL": (3596, 272, 7353, 5109, 2044),
    "Uberon": (14365, 1285, 50232, 32525, 46836),
    "HPO": (14464, 3492, 18145, 14647, 5469),
    "GO": (3845, 128, 15097, 8937, 0),
}

# MEDIC's root is called C, without a number; MeSH's descriptors are of every class.
SET_ASIDE = {"MEDIC": 1, "MeSH-chemicals": 44_017}


def files_of(test_data: Path, form: str) -> list[tuple[Path, str, dict[str, int]]]:
    with (test_data / "ontologies" / "index.tsv").open() as index:
        return [
            (test_data / "ontologies" / row["file"], row["format"], json.loads(row["counts"]))
            for row in csv.DictReader(index, delimiter="\t")
            if form.lower() in row["format"].lower()
            and (form != "obo" or "graph" not in row["format"])
        ]


def read(path: Path, form: str) -> Statements:
    with open_source(path) as stream:
        return gather(READERS[form](stream, path))


def test_every_obo_file_is_read_without_a_fault(test_data: Path):
    files = files_of(test_data, "obo")
    assert len(files) == 11
    for path, form, counts in files:
        found = read(path, form)
        several = found.terms["label"].null_count()
        is_a = found.relations.filter(predicate="is_a").height
        assert found.faults.height == 0, path
        # ChEBI's InChIKeys are properties in its file.
        xrefs = found.xrefs.filter(~pl.col("xref").str.starts_with("INCHIKEY:")).height
        assert (found.terms.height, found.terms["obsolete"].sum(), is_a, xrefs) == (
            counts["terms"],
            counts["obsolete"],
            counts["is_a"],
            counts["xrefs"],
        ), path
        assert several == counts["without_name"], path
        # Stanzas of two imports have several names; those after the first are synonyms.
        assert found.names.height >= counts["synonyms"], path
        if path.name not in {"clo_import.obo.gz", "uberon_import.obo.gz"}:
            assert found.names.height - counts["synonyms"] in {0, 1}, path


def test_every_graph_is_read_without_a_fault(test_data: Path):
    files = files_of(test_data, "obograph")
    assert len(files) == 5
    for path, form, counts in files:
        found = read(path, form)
        declared = found.terms.filter("declared").height
        # Nodes without a type are classes too; synonyms of properties are left out.
        assert 0 <= declared - counts["classes"] <= 2, path
        assert found.terms["obsolete"].sum() == counts["deprecated"], path
        assert 0 <= counts["synonyms"] - found.names.height <= 60, path
        assert found.faults.height == 0, path


def test_every_owl_file_is_read_without_a_fault(test_data: Path):
    files = files_of(test_data, "owl RDF/XML")
    assert len(files) == 3
    for path, form, counts in files:
        found = read(path, form)
        assert found.terms.filter("declared").height == counts["classes"], path
        assert found.names.height >= counts["synonyms_direct"], path
        assert found.faults.height == 0, path


def test_functional_syntax_says_what_the_released_ontology_says(test_data: Path):
    (path, form, counts) = files_of(test_data, "owl functional syntax")[0]
    found = read(path, form)
    assert found.terms.filter("declared").height == counts["class_declarations"]
    assert found.faults.height == 0
    exact = found.names.filter(scope="exact").height
    abbreviations = found.names.filter(scope="abbreviation").height
    assert exact <= counts["exact_synonyms"] <= exact + abbreviations


def test_the_same_terms_in_two_formats_are_the_same_vocabulary(test_data: Path):
    folder = test_data / "ontologies" / "chemical"
    obo = read(folder / "hp_chebi_import.obo.gz", "obo")
    graph = read(folder / "hp_chebi_import.json.gz", "obograph JSON")
    chebi = graph.names.sort("id", "name", "scope")
    assert obo.names.sort("id", "name", "scope").rows() == chebi.rows()
    parents = [
        set(said.relations.filter(predicate="is_a").select("id", "object").rows())
        for said in (obo, graph)
    ]
    assert parents[0] == parents[1]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_ontology_of_the_catalogue_becomes_a_vocabulary(
    test_data: Path, name: str, request: pytest.FixtureRequest
):
    assert test_data.is_absolute()
    catalogue = read_catalogue(request.config.rootpath / "tests" / "catalogues" / "shared.yaml")
    source = catalogue.ontology(name)

    found = parse_vocabulary(source, Path(source.url))

    obsolete = sum(found.concepts["obsolete"].to_pylist())
    names = found.synonyms.filter(pc.field("source") == "ontology")
    tables = (found.concepts, names, found.relations, found.xrefs)
    concepts, *others = (table.num_rows for table in tables)
    assert (concepts, obsolete, *others) == CATALOGUE[name]
    assert found.set_aside.num_rows == SET_ASIDE.get(name, 0)
    keys = found.synonyms.group_by(["concept_id", "name"]).aggregate([([], "count_all")])
    assert keys.num_rows == found.synonyms.num_rows
    assert not set(found.synonyms["concept_id"].to_pylist()) - set(
        found.concepts["concept_id"].to_pylist()
    )


def test_tables_outside_the_catalogue_are_read(test_data: Path):
    folder = test_data / "ontologies"
    tables: dict[str, tuple[int | None, dict[str, Any]]] = {
        "gene/Homo_sapiens.gene_info.gz": (
            63_354,
            {"id": "GeneID", "id_prefix": "NCBIGene", "label": "Symbol"},
        ),
        "species/reach_Species_exhaustive.tsv.gz": (
            None,
            {"id": 1, "id_prefix": "NCBITaxon", "label": 0, "header": False},
        ),
        "chemical/chembl.compound.36.tsv.gz": (
            42_299,
            {"id": "identifier", "id_prefix": "CHEMBL.COMPOUND", "label": "name"},
        ),
        "disease/mondo_sssom/mondo_exactmatch_mesh.sssom.tsv": (
            None,
            {"id": "subject_id", "label": "subject_label", "comment": "#"},
        ),
    }
    for file, (count, columns) in tables.items():
        source = OntologySource.model_validate(
            {
                "name": "other",
                "entity_class": "gene",
                "url": file,
                "format": "table",
                "licence": "see index.tsv",
                "homepage": "https://example.org",
                "columns": {**columns, "quoting": False},
            }
        )
        found = parse_vocabulary(source, folder / file)
        assert found.set_aside.num_rows == 0, file
        assert count is None or found.concepts.num_rows == count, file
