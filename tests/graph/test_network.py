"""Nodes and edges of the whole corpus."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kazu_platform.errors import UnknownNameError
from kazu_platform.graph.network import (
    CATEGORIES,
    OCCURS_TOGETHER,
    SUBCLASS_OF,
    dangling_edges,
    nodes_and_edges,
)
from kazu_platform.graph.pairs import count_pairs
from kazu_platform.tables import (
    CONCEPT_EQUIVALENTS,
    CONCEPT_RELATIONS,
    CONCEPTS,
    EDGES,
    ENTITY_CLASSES,
    NODES,
    PAIR_COUNTS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BRCA1, TP53 = "HGNC:1100", "HGNC:11998"
BREAST, CANCER, DISEASE = "MONDO:0007254", "MONDO:0004992", "MONDO:0000001"
LICENCES = {"HGNC": "CC0-1.0", "MONDO": "CC-BY-4.0", "co-occurrence": "CC0-1.0"}
OTHER_MONDO = {"MONDO-RARE": "CC-BY-NC-4.0"}


def concepts(*rows: tuple[str, str, str, str] | tuple[str, str, str, str, bool]) -> pa.Table:
    return CONCEPTS.from_rows(
        [
            {
                "concept_id": row[0],
                "label": row[1],
                "entity_class": row[2],
                "ontology": row[3],
                "obsolete": len(row) > 4 and row[4],
                "ontology_version": "1",
            }
            for row in rows
        ]
    )


def is_a(*pairs: tuple[str, str], ontology: str = "MONDO") -> pa.Table:
    return CONCEPT_RELATIONS.from_rows(
        [
            {"subject_id": one, "predicate": "is_a", "object_id": other, "ontology": ontology}
            for one, other in pairs
        ]
    )


def counts(*rows: tuple[str, str, int, Sequence[tuple[int, int | None]]]) -> pa.Table:
    """Pair counts: subject, object, file number, and (PMID, year) of each document."""
    return PAIR_COUNTS.from_rows(
        [
            {
                "subject": one,
                "object": other,
                "n_documents": len(documents),
                "n_sentences": len(documents),
                "first_year": min((y for _, y in documents if y), default=None),
                "last_year": max((y for _, y in documents if y), default=None),
                "publications": [f"PMID:{pmid}" for pmid, _ in documents][:10],
                "publication_years": [year for _, year in documents][:10],
                "sentence": f"Sentence of {documents[0][0]}.",
                "sentence_doc_id": f"PMID:{documents[0][0]}",
                "sentence_year": documents[0][1],
                "file": f"pubmed26n{file:04}",
            }
            for one, other, file, documents in rows
        ]
    )


VOCABULARY = concepts(
    (BRCA1, "BRCA1", "gene", "HGNC"),
    (TP53, "TP53", "gene", "HGNC"),
    (BREAST, "breast cancer", "disease", "MONDO"),
    (CANCER, "cancer", "disease", "MONDO"),
    (DISEASE, "disease", "disease", "MONDO"),
)
HIERARCHY = is_a((BREAST, CANCER), (CANCER, DISEASE))


def by_pair(edges: pa.Table, predicate: str = OCCURS_TOGETHER) -> dict[tuple[str, str], Any]:
    return {
        (row["subject"], row["object"]): row
        for row in edges.to_pylist()
        if row["predicate"] == predicate
    }


def equivalents(*rows: tuple[str, str, str]) -> pa.Table:
    """Concept, its ontology, and the MONDO concept that it goes by."""
    return CONCEPT_EQUIVALENTS.from_rows(
        [
            {
                "concept_id": concept_id,
                "ontology": ontology,
                "entity_class": "disease",
                "leader_id": leader,
                "leader_ontology": "MONDO",
                "match_id": leader,
                "method": "direct",
                "evidence": ["MONDO"],
                "candidates": [leader],
            }
            for concept_id, ontology, leader in rows
        ]
    )


def test_an_equivalent_is_an_id_of_its_leader_and_no_node():
    """A concept of DOID alone climbs into MONDO as soon as a parent of it is a concept there."""
    doid = concepts(
        ("DOID:4", "disease", "disease", "DOID"),
        ("DOID:162", "cancer", "disease", "DOID"),
        ("DOID:0050686", "organ system cancer", "disease", "DOID"),
        ("DOID:3121", "gallbladder cancer", "disease", "DOID"),
    )
    relations = is_a(
        ("DOID:162", "DOID:4"),
        ("DOID:0050686", "DOID:162"),
        ("DOID:3121", "DOID:0050686"),
        ontology="DOID",
    )
    pairs = counts(("DOID:3121", "DOID:3121", 1, [(1, 2001)]))

    nodes, edges = nodes_and_edges(
        pairs,
        pa.concat_tables([VOCABULARY, doid]),
        pa.concat_tables([HIERARCHY, relations]),
        1,
        licences={**LICENCES, "DOID": "CC0-1.0"},
        equivalents=equivalents(
            ("DOID:4", "DOID", DISEASE),
            ("DOID:162", "DOID", CANCER),
            ("UMLS:C0006826", "", CANCER),
        ),
    )

    assert {row["id"]: row["equivalent_ids"] for row in nodes.to_pylist()} == {
        DISEASE: ["DOID:4"],
        CANCER: ["DOID:162", "UMLS:C0006826"],
        "DOID:0050686": [],
        "DOID:3121": [],
    }
    assert {pair: row["source"] for pair, row in by_pair(edges, SUBCLASS_OF).items()} == {
        ("DOID:3121", "DOID:0050686"): "DOID",
        ("DOID:0050686", CANCER): "DOID",
        (CANCER, DISEASE): "MONDO",
    }
    assert dangling_edges(nodes, edges).num_rows == 0


def test_npmi_of_two_documents_among_eight_is_a_half(
    corpus: Callable[..., Any], marked: Callable[..., Any]
):
    """BRCA1 in 2 of 8 documents, breast cancer in 2 of 8, both in 1: ln 2 / ln 8 is a third."""
    made = corpus(
        marked(1, [f"[BRCA1|{BRCA1}] in [breast cancer|{BREAST}]."], year=2001),
        marked(2, [f"[BRCA1|{BRCA1}]."]),
        marked(3, [f"[Breast cancer|{BREAST}]."]),
        *(marked(pmid, ["Nothing."]) for pmid in range(4, 9)),
    )

    nodes, edges = nodes_and_edges(
        count_pairs(**made.tables(), file=made.file), VOCABULARY, HIERARCHY, 8, licences=LICENCES
    )

    edge = by_pair(edges)[BRCA1, BREAST]
    assert edge.pop("npmi") == pytest.approx(log(2) / log(8))
    assert edge.pop("score") == pytest.approx(log(2) / log(8) / 2)
    assert edge == {
        "subject": BRCA1,
        "predicate": "biolink:occurs_together_in_literature_with",
        "object": BREAST,
        "n_documents": 1,
        "n_sentences": 1,
        "first_year": 2001,
        "last_year": 2001,
        "publications": ["PMID:1"],
        "sentence": "BRCA1 in breast cancer.",
        "sentence_doc_id": "PMID:1",
        "source": "co-occurrence",
        "licence": "CC0-1.0",
    }
    assert nodes.schema.equals(NODES.schema)
    assert edges.schema.equals(EDGES.schema)


def test_ancestors_of_a_named_concept_are_nodes_and_no_edge_dangles():
    pairs = counts((BREAST, BREAST, 1, [(1, 2001)]))

    nodes, edges = nodes_and_edges(pairs, VOCABULARY, HIERARCHY, 1, licences=LICENCES)

    assert [(row["id"], row["n_documents"]) for row in nodes.to_pylist()] == [
        (DISEASE, 0),
        (CANCER, 0),
        (BREAST, 1),
    ]
    assert nodes.to_pylist()[2] == {
        "id": BREAST,
        "name": "breast cancer",
        "category": "biolink:Disease",
        "entity_class": "disease",
        "equivalent_ids": [],
        "n_documents": 1,
        "source": "MONDO",
        "licence": "CC-BY-4.0",
    }
    assert set(by_pair(edges, SUBCLASS_OF)) == {(CANCER, DISEASE), (BREAST, CANCER)}
    assert by_pair(edges, SUBCLASS_OF)[BREAST, CANCER] == {
        "subject": BREAST,
        "predicate": "biolink:subclass_of",
        "object": CANCER,
        "n_documents": None,
        "n_sentences": None,
        "npmi": None,
        "score": None,
        "first_year": None,
        "last_year": None,
        "publications": [],
        "sentence": None,
        "sentence_doc_id": None,
        "source": "MONDO",
        "licence": "CC-BY-4.0",
    }
    assert dangling_edges(nodes, edges).num_rows == 0


def test_files_are_added_up_and_their_newest_publications_merged():
    first = [(pmid, 2010) for pmid in range(30, 18, -1)]
    second = [(99, 2011), (20, 2010), (50, 2000)]
    pairs = counts(
        (BRCA1, BRCA1, 1, first),
        (BREAST, BREAST, 1, first),
        (BRCA1, BREAST, 1, first),
        (BRCA1, BRCA1, 2, second),
        (BREAST, BREAST, 2, second),
        (BRCA1, BREAST, 2, second),
    )

    nodes, edges = nodes_and_edges(pairs, VOCABULARY, HIERARCHY, 100, licences=LICENCES)

    edge = by_pair(edges)[BRCA1, BREAST]
    newest = [99, 30, 29, 28, 27, 26, 25, 24, 23, 22]
    assert edge["publications"] == [f"PMID:{pmid}" for pmid in newest]
    assert (edge["n_documents"], edge["first_year"], edge["last_year"]) == (15, 2000, 2011)
    assert (edge["sentence"], edge["sentence_doc_id"]) == ("Sentence of 99.", "PMID:99")
    assert edge["npmi"] == pytest.approx(1.0), "they are named only together"
    assert edge["score"] == pytest.approx(15 / 16)
    assert dict(zip(nodes["id"].to_pylist(), nodes["n_documents"].to_pylist(), strict=True)) == {
        BRCA1: 15,
        BREAST: 15,
        CANCER: 0,
        DISEASE: 0,
    }


def test_concepts_that_every_document_names_have_an_npmi_of_one():
    both = [(1, 2001), (2, 2002)]
    pairs = counts((BRCA1, BRCA1, 1, both), (TP53, TP53, 1, both), (BRCA1, TP53, 1, both))

    _, edges = nodes_and_edges(pairs, VOCABULARY, HIERARCHY, 2, licences=LICENCES)

    assert by_pair(edges)[BRCA1, TP53]["npmi"] == 1.0


def test_independent_concepts_have_an_npmi_of_zero():
    pairs = counts(
        (BRCA1, BRCA1, 1, [(1, 2001), (2, 2002)]),
        (TP53, TP53, 1, [(1, 2001), (3, 2003)]),
        (BRCA1, TP53, 1, [(1, 2001)]),
    )

    _, edges = nodes_and_edges(pairs, VOCABULARY, HIERARCHY, 4, licences=LICENCES)

    assert by_pair(edges)[BRCA1, TP53]["npmi"] == pytest.approx(0.0, abs=1e-12)


def test_rare_pairs_can_be_left_out_without_losing_their_nodes():
    pairs = counts(
        (BRCA1, BRCA1, 1, [(1, 2001)]), (TP53, TP53, 1, [(1, 2001)]), (BRCA1, TP53, 1, [(1, 2001)])
    )

    nodes, edges = nodes_and_edges(
        pairs, VOCABULARY, HIERARCHY, 9, licences=LICENCES, min_documents=2
    )

    assert nodes["id"].to_pylist() == [BRCA1, TP53]
    assert edges.num_rows == 0


def test_obsolete_and_unknown_concepts_are_no_nodes_and_have_no_edges():
    vocabulary = concepts(
        (BRCA1, "BRCA1", "gene", "HGNC"), (TP53, "obsolete TP53", "gene", "HGNC", True)
    )
    both = [(1, 2001)]
    pairs = counts(
        *((one, one, 1, both) for one in (BRCA1, TP53, CANCER)),
        (BRCA1, TP53, 1, both),
        (BRCA1, CANCER, 1, both),
    )

    nodes, edges = nodes_and_edges(pairs, vocabulary, HIERARCHY, 5, licences=LICENCES)

    assert nodes["id"].to_pylist() == [BRCA1]
    assert edges.num_rows == 0


def test_a_concept_of_two_ontologies_is_told_by_the_one_its_prefix_names():
    vocabulary = concepts(
        (BREAST, "imported label", "phenotype", "AAA"),
        (BREAST, "breast cancer", "disease", "mondo"),
    )

    nodes, _ = nodes_and_edges(
        counts((BREAST, BREAST, 1, [(1, 2001)])),
        vocabulary,
        is_a(),
        1,
        licences={"AAA": "x", "mondo": "y", "co-occurrence": "z"},
    )

    assert nodes.select(["name", "source", "licence"]).to_pylist() == [
        {"name": "breast cancer", "source": "mondo", "licence": "y"}
    ]


def test_two_ontologies_may_say_the_same_and_a_circle_ends():
    relations = pa.concat_tables(
        [
            is_a((BREAST, CANCER), (CANCER, BREAST), (CANCER, CANCER)),
            is_a((BREAST, CANCER), ontology="MONDO-RARE"),
        ]
    )

    nodes, edges = nodes_and_edges(
        counts((BREAST, BREAST, 1, [(1, 2001)])),
        VOCABULARY,
        relations,
        1,
        licences=LICENCES | OTHER_MONDO,
    )

    assert nodes.num_rows == 2
    assert [(e["subject"], e["object"], e["source"]) for e in edges.to_pylist()] == [
        (CANCER, BREAST, "MONDO"),
        (BREAST, CANCER, "MONDO"),
        (BREAST, CANCER, "MONDO-RARE"),
    ]


def test_an_ancestor_that_the_vocabulary_lacks_ends_the_climb():
    relations = is_a((BREAST, "BFO:0000001"), ("BFO:0000001", DISEASE))

    nodes, edges = nodes_and_edges(
        counts((BREAST, BREAST, 1, [(1, 2001)])), VOCABULARY, relations, 1, licences=LICENCES
    )

    assert nodes["id"].to_pylist() == [BREAST]
    assert edges.num_rows == 0


def test_parquet_files_and_a_table_make_the_same_graph(tmp_path: Path):
    first = counts(
        (BRCA1, BRCA1, 1, [(1, 2001)]), (TP53, TP53, 1, [(1, 2001)]), (BRCA1, TP53, 1, [(1, 2001)])
    )
    second = counts((BRCA1, BRCA1, 2, [(2, None)]))
    paths = [tmp_path / "one's.parquet", tmp_path / "two.parquet"]
    for path, table in zip(paths, (first, second), strict=True):
        pq.write_table(table, path)

    from_files = nodes_and_edges(
        paths, VOCABULARY, HIERARCHY, 5, licences=LICENCES, memory_limit="200MB"
    )
    from_table = nodes_and_edges(
        pa.concat_tables([second, first]), VOCABULARY, HIERARCHY, 5, licences=LICENCES
    )

    assert from_files[0].equals(from_table[0])
    assert from_files[1].equals(from_table[1])


def test_no_files_make_an_empty_graph():
    nodes, edges = nodes_and_edges([], VOCABULARY, HIERARCHY, 0, licences=LICENCES)

    assert nodes.equals(NODES.empty())
    assert edges.equals(EDGES.empty())


def test_a_source_without_a_licence_is_named():
    pairs = counts((BREAST, BREAST, 1, [(1, 2001)]))

    with pytest.raises(UnknownNameError, match="no licence of the source 'MONDO'"):
        nodes_and_edges(
            pairs, VOCABULARY, HIERARCHY, 1, licences={"HGNC": "x", "co-occurrence": "y"}
        )


def test_a_number_of_documents_that_cannot_be_is_refused():
    pairs = counts((BREAST, BREAST, 1, [(1, 2001), (2, 2001)]))

    with pytest.raises(ValueError, match=f"n_documents is 1, but {BREAST} is named in 2"):
        nodes_and_edges(pairs, VOCABULARY, HIERARCHY, 1, licences=LICENCES)


def test_a_dangling_edge_is_found():
    nodes, edges = nodes_and_edges(
        counts((BREAST, BREAST, 1, [(1, 2001)])), VOCABULARY, HIERARCHY, 1, licences=LICENCES
    )

    found = dangling_edges(nodes.slice(1), edges)

    assert [(row["subject"], row["object"]) for row in found.to_pylist()] == [(CANCER, DISEASE)]


def test_every_entity_class_has_a_category():
    assert set(CATEGORIES) == set(ENTITY_CLASSES)
