"""OBO graphs, and the JSON stream below them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.ontologies import json_stream

if TYPE_CHECKING:
    from conftest import ParseText

PURL = "http://purl.obolibrary.org/obo/"
GRAPH = {
    "graphs": [
        {
            "id": f"{PURL}doid.owl",
            "meta": {"version": f"{PURL}doid/releases/2018-07-05/doid.owl"},
            "nodes": [
                {
                    "id": f"{PURL}DOID_9352",
                    "lbl": "type 2 diabetes mellitus",
                    "type": "CLASS",
                    "meta": {
                        "definition": {"val": "A diabetes mellitus."},
                        "synonyms": [
                            {"pred": "hasExactSynonym", "val": "NIDDM", "xrefs": []},
                            {
                                "pred": "hasRelatedSynonym",
                                "val": "T2D",
                                "synonymType": f"{PURL}OMO_0003000",
                            },
                        ],
                        "xrefs": [{"val": "MESH:D003924"}],
                        "basicPropertyValues": [
                            {
                                "pred": "http://www.geneontology.org/formats/oboInOwl#hasAlternativeId",
                                "val": "DOID:11715",
                            },
                            {
                                "pred": "http://www.w3.org/2004/02/skos/core#exactMatch",
                                "val": "https://www.cellosaurus.org/CVCL_0001",
                            },
                        ],
                    },
                },
                {"id": f"{PURL}DOID_1", "type": "CLASS", "meta": {"deprecated": True}, "lbl": "x"},
                {"id": f"{PURL}doid#has_symptom", "type": "PROPERTY", "lbl": "has symptom"},
                {"lbl": "a node without an id"},
            ],
            "edges": [
                {"sub": f"{PURL}DOID_9352", "pred": "is_a", "obj": f"{PURL}DOID_9351"},
                {
                    "sub": f"{PURL}DOID_9352",
                    "pred": f"{PURL}doid#has_symptom",
                    "obj": f"{PURL}SYMP_1",
                },
            ],
        }
    ]
}


def test_a_graph_says_everything_about_its_concepts(parse_text: ParseText):
    found = parse_text(json.dumps(GRAPH), "obograph")

    assert found.version == f"{PURL}doid/releases/2018-07-05/doid.owl"
    columns = ["concept_id", "label", "obsolete", "replaced_by"]
    assert [tuple(r.values()) for r in found.concepts.select(columns).to_pylist()] == [
        ("DOID:1", "x", True, None),
        ("DOID:11715", "type 2 diabetes mellitus", True, "DOID:9352"),
        ("DOID:9352", "type 2 diabetes mellitus", False, None),
    ]
    names = found.synonyms.select(["name", "scope", "active"]).to_pylist()
    assert [tuple(r.values()) for r in names] == [
        ("x", "label", False),
        ("T2D", "abbreviation", True),
        ("NIDDM", "exact", True),
        ("type 2 diabetes mellitus", "label", True),
    ]
    assert found.relations["predicate"].to_pylist() == ["has_symptom", "is_a"]
    assert found.xrefs["xref"].to_pylist() == ["Cellosaurus:CVCL_0001", "MESH:D003924"]
    assert "KeyError('id')" in found.set_aside["detail"][0].as_py()


def test_json_of_another_kind_is_refused(parse_text: ParseText):
    with pytest.raises(MalformedFileError, match="it has no `graphs`"):
        parse_text('{"terms": []}', "obograph")


@pytest.mark.parametrize(
    "broken",
    ["[1, 2", '{"graphs": [{"nodes": [}]}', '{"graphs": []} more', "{", "nul", "[" * 10**5],
)
def test_what_is_no_json_is_named_with_its_line(parse_text: ParseText, broken: str):
    with pytest.raises(MalformedFileError, match=r"vocabulary\.obograph"):
        parse_text(broken, "obograph")


def test_deep_nesting_is_refused(parse_text: ParseText):
    deep = '{"graphs": [{"nodes": [' + "[" * 10**6
    with pytest.raises(MalformedFileError, match="nests too deep"):
        parse_text(deep, "obograph")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
def test_a_stream_gives_what_the_whole_document_holds(chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    document = {
        "beside": [{"nodes": [0]}],
        "graphs": [{"id": "α", "nodes": [1.5, -20, "T\u00f6", {"a": [True, None]}]}, {"n": 12}],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1).encode()
    found = list(json_stream.elements(io.BytesIO(text), Path("g.json"), within=("graphs", "*")))
    assert found == [
        ("id", "α"),
        ("nodes", 1.5),
        ("nodes", -20),
        ("nodes", "T\u00f6"),
        ("nodes", {"a": [True, None]}),
        ("n", 12),
    ]


def test_half_a_surrogate_pair_does_not_cost_the_file(parse_text: ParseText):
    node = {"id": f"{PURL}DOID_1", "type": "CLASS", "lbl": "half \ud800 pair"}
    found = parse_text(json.dumps({"graphs": [{"nodes": [node]}]}), "obograph")
    assert found.concepts["label"].to_pylist() == ["half ? pair"]
