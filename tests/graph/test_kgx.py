"""The graph as KGX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from kazu_platform.errors import ConfigurationError
from kazu_platform.graph.kgx import export_kgx, is_export_of, kgx_problems, note_export
from kazu_platform.tables import EDGES, NODES

if TYPE_CHECKING:
    from pathlib import Path

BRCA1, BREAST, CANCER = "HGNC:1100", "MONDO:0007254", "MONDO:0004992"


def node(curie: str, name: str, licence: str = "CC-BY-4.0") -> dict[str, Any]:
    gene = curie.startswith("HGNC")
    return {
        "id": curie,
        "name": name,
        "category": "biolink:Gene" if gene else "biolink:Disease",
        "entity_class": "gene" if gene else "disease",
        "equivalent_ids": ["NCBIGene:672", "ENSEMBL:ENSG00000012048"] if gene else ["DOID:1612"],
        "n_documents": 3,
        "source": curie.split(":", maxsplit=1)[0],
        "licence": licence,
    }


TOGETHER: dict[str, Any] = {
    "subject": BRCA1,
    "predicate": "biolink:occurs_together_in_literature_with",
    "object": BREAST,
    "n_documents": 2,
    "n_sentences": 1,
    "npmi": 0.5,
    "score": 1 / 3,
    "first_year": 1999,
    "last_year": 2021,
    "publications": ["PMID:12", "PMID:11"],
    "sentence": 'The "BRCA1"\tgene\r\nin breast\u2028cancer, α|β.',
    "sentence_doc_id": "PMID:12",
    "source": "co-occurrence",
    "licence": "CC0-1.0",
}
IS_A = {
    "subject": BREAST,
    "predicate": "biolink:subclass_of",
    "object": CANCER,
    "publications": [],
    "source": "MONDO",
    "licence": "CC-BY-4.0",
}
GRAPH_NODES = NODES.from_rows(
    [node(BRCA1, "BRCA1", "CC0-1.0"), node(CANCER, "cancer"), node(BREAST, "breast\ncancer")]
)
GRAPH_EDGES = EDGES.from_rows([TOGETHER, IS_A])


def read(path: Path) -> list[dict[str, str]]:
    """Read as KGX does: lines end with a newline, cells with a tab, and nothing is quoted."""
    header, *lines = path.read_bytes().decode().removesuffix("\n").split("\n")
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_an_export_reads_back_as_the_graph(tmp_path: Path):
    written = export_kgx(GRAPH_NODES, GRAPH_EDGES, tmp_path / "kgx")

    assert (written.n_nodes, written.n_edges) == (3, 2)
    assert read(written.nodes)[2] == {
        "id": BREAST,
        "category": "biolink:Disease",
        "name": "breast cancer",
        "provided_by": "MONDO",
        "entity_class": "disease",
        "equivalent_identifiers": "DOID:1612",
        "n_documents": "3",
        "licence": "CC-BY-4.0",
    }
    assert read(written.nodes)[0]["equivalent_identifiers"] == (
        "NCBIGene:672|ENSEMBL:ENSG00000012048"
    )
    together, is_a = read(written.edges)
    UUID(together.pop("id").removeprefix("urn:uuid:"))
    assert together == {
        "subject": BRCA1,
        "predicate": "biolink:occurs_together_in_literature_with",
        "object": BREAST,
        "category": "biolink:Association",
        "knowledge_level": "not_provided",
        "agent_type": "text_mining_agent",
        "primary_knowledge_source": "infores:kazu-platform",
        "supporting_data_source": "infores:pubmed",
        "n_documents": "2",
        "n_sentences": "1",
        "npmi": "0.5",
        "score": "0.3333333333333333",
        "first_year": "1999",
        "last_year": "2021",
        "publications": "PMID:12|PMID:11",
        "sentence": 'The "BRCA1" gene in breast cancer, α|β.',
        "sentence_doc_id": "PMID:12",
        "source": "co-occurrence",
        "licence": "CC0-1.0",
    }
    assert is_a["knowledge_level"] == "knowledge_assertion"
    assert is_a["agent_type"] == "manual_agent"
    assert is_a["primary_knowledge_source"] == "infores:mondo"
    assert (is_a["npmi"], is_a["publications"], is_a["sentence"]) == ("", "", "")
    assert kgx_problems(tmp_path / "kgx") == []


def test_a_licence_left_out_takes_its_nodes_and_their_edges_along(tmp_path: Path):
    written = export_kgx(
        GRAPH_NODES, GRAPH_EDGES, tmp_path / "kgx", leave_out_licences=["CC-BY-4.0"]
    )

    assert [row["id"] for row in read(written.nodes)] == [BRCA1]
    assert written.n_edges == 0
    assert kgx_problems(tmp_path / "kgx") == []


def test_an_export_replaces_the_one_before_and_leaves_nothing_beside(tmp_path: Path):
    export_kgx(GRAPH_NODES, GRAPH_EDGES, tmp_path / "kgx")

    written = export_kgx(GRAPH_NODES.slice(0, 1), EDGES.empty(), tmp_path / "kgx")

    assert len(read(written.nodes)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kgx"]
    assert sorted(path.name for path in (tmp_path / "kgx").iterdir()) == ["edges.tsv", "nodes.tsv"]


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path):
    one = export_kgx(GRAPH_NODES, GRAPH_EDGES, tmp_path / "one")
    other = export_kgx(GRAPH_NODES.take([2, 0, 1]), GRAPH_EDGES.take([1, 0]), tmp_path / "other")

    assert one.nodes.read_bytes() == other.nodes.read_bytes()
    assert one.edges.read_bytes() == other.edges.read_bytes()


def test_an_export_is_of_a_version_until_somebody_touches_it(tmp_path: Path):
    folder = tmp_path / "kgx"
    assert not is_export_of(folder, "1")
    written = export_kgx(GRAPH_NODES, GRAPH_EDGES, folder)
    assert not is_export_of(folder, "1")

    note_export(folder, "1")
    assert is_export_of(folder, "1")
    assert not is_export_of(folder, "2")

    written.edges.write_bytes(written.edges.read_bytes())
    assert not is_export_of(folder, "1")
    written.edges.unlink()
    assert not is_export_of(folder, "1")


def test_a_failed_export_leaves_the_old_one(tmp_path: Path):
    before = export_kgx(GRAPH_NODES, GRAPH_EDGES, tmp_path / "kgx").nodes.read_bytes()

    with pytest.raises(Exception, match="licence"):
        export_kgx(GRAPH_NODES, GRAPH_EDGES.drop_columns(["licence"]), tmp_path / "kgx")

    assert (tmp_path / "kgx" / "nodes.tsv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kgx"]


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("Years of work.")

    with pytest.raises(ConfigurationError, match=r"holds other files \(thesis.tex\)"):
        export_kgx(GRAPH_NODES, GRAPH_EDGES, tmp_path)

    assert (tmp_path / "thesis.tex").exists()


def test_problems_of_an_export_are_named(tmp_path: Path):
    written = export_kgx(GRAPH_NODES, GRAPH_EDGES, tmp_path / "kgx")
    together, is_a = (row["id"] for row in read(written.edges))
    lines = written.nodes.read_text().splitlines(keepends=True)
    nameless = f"{BRCA1}\t\tBRCA1\tHGNC\tgene\t\t3\tCC0-1.0\n"
    written.nodes.write_text("".join([*lines[:3], nameless]))

    assert kgx_problems(tmp_path / "kgx") == [
        "nodes.tsv: 1 rows have no category.",
        f"nodes.tsv: {BRCA1} is there 2 times.",
        *(
            f"edges.tsv: {edge} names {BREAST}, which is no node."
            for edge in sorted([together, is_a])
        ),
    ]


def test_a_line_of_another_width_is_named(tmp_path: Path):
    written = export_kgx(GRAPH_NODES, GRAPH_EDGES, tmp_path / "kgx")
    with written.nodes.open("a") as file:
        file.write("HGNC:1\tbiolink:Gene\n")

    (problem,) = kgx_problems(tmp_path / "kgx")

    assert problem.startswith(
        "nodes.tsv cannot be read: CSV parse error: Expected 8 columns, got 2"
    )


def test_a_missing_file_and_a_missing_column_are_named(tmp_path: Path):
    (tmp_path / "nodes.tsv").write_text("id\tname\nHGNC:1\tA1BG\n")

    problems = kgx_problems(tmp_path)

    assert problems[0] == "nodes.tsv: column category is missing."
    assert problems[1].startswith("edges.tsv cannot be read: ")
