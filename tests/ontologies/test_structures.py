"""InChIKeys of ChEBI, which it writes as properties: exact matches, whatever the format."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from kazu_platform.ontologies.obo import read_obo
from kazu_platform.ontologies.obograph import read_obograph
from kazu_platform.ontologies.terms import gather

KEY = "KTUFNOKKBVMGRW-UHFFFAOYSA-N"
IMATINIB = ("CHEBI:45783", "exactMatch", f"INCHIKEY:{KEY}")


@pytest.mark.parametrize(
    "predicate", ["http://purl.obolibrary.org/obo/chebi/inchikey", "chemrof:inchi_key_string"]
)
def test_the_structure_of_an_obo_term_is_an_exact_match(predicate: str):
    text = (
        "[Term]\nid: CHEBI:45783\nname: imatinib\n"
        f'property_value: {predicate} "{KEY}" xsd:string\n'
        f"property_value: {predicate} {KEY}\n"
    )

    found = gather(read_obo(io.BytesIO(text.encode()), Path("chebi.obo")))

    assert found.xrefs.rows() == [IMATINIB]
    assert found.faults["line"].to_list() == [5]


@pytest.mark.parametrize(
    "predicate",
    [
        "http://purl.obolibrary.org/obo/chebi/inchikey",
        "https://w3id.org/chemrof/inchi_key_string",
    ],
)
def test_the_structure_of_a_graph_node_is_an_exact_match(predicate: str):
    node = {
        "id": "http://purl.obolibrary.org/obo/CHEBI_45783",
        "lbl": "imatinib",
        "type": "CLASS",
        "meta": {"basicPropertyValues": [{"pred": predicate, "val": KEY}]},
    }
    text = json.dumps({"graphs": [{"nodes": [node]}]})

    found = gather(read_obograph(io.BytesIO(text.encode()), Path("chebi.json")))

    assert found.xrefs.rows() == [IMATINIB]
