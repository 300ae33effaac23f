"""Update files: what they revise and delete leaves the graph, and nothing else is counted again.

Files arrive here in another order than NLM published them; the result is that of the right order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from kazu_platform.tables import (
    CITATIONS,
    CONCEPT_EQUIVALENTS,
    CONCEPT_MAPPINGS,
    CONCEPT_RELATIONS,
    CONCEPT_XREFS,
    CONCEPTS,
    CURATIONS,
    CURRENT_CITATIONS,
    DELETIONS,
    DICTIONARY_MENTIONS,
    EDGES,
    LINKS,
    MENTIONS,
    MODEL_MENTIONS,
    NODES,
    PAIR_COUNTS,
    SENTENCES,
    SURFACES,
    SYNONYMS,
    TABLES,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kazu_platform.tables import Table
    from tests.assets.conftest import Home

BASELINE = ["pubmed26n0004", "pubmed26n0001", "pubmed26n0003", "pubmed26n0002"]
UPDATES = ["pubmed26n0006", "pubmed26n0005"]
VOCABULARIES = (
    CONCEPTS,
    SYNONYMS,
    CONCEPT_RELATIONS,
    CONCEPT_XREFS,
    CONCEPT_EQUIVALENTS,
    CONCEPT_MAPPINGS,
    CURATIONS,
)
MADE_OF_FILES = (
    CITATIONS,
    DELETIONS,
    SENTENCES,
    DICTIONARY_MENTIONS,
    MODEL_MENTIONS,
    MENTIONS,
    CURRENT_CITATIONS,
    SURFACES,
    LINKS,
    PAIR_COUNTS,
    NODES,
    EDGES,
)


@pytest.fixture(scope="module")
def baseline(
    sample_home: Path, home_at: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """The baseline alone, read in some order; vocabularies and indices are the sample's."""
    home = home_at(sample_home).copied_to(tmp_path_factory.mktemp("baseline") / "home")
    for table in TABLES.values():
        if table not in VOCABULARIES:
            for partition in home.lake.partitions(table):
                home.lake.drop(table, partition)
    for name in BASELINE:
        assert home.file(name).failures == {}
    assert home.graph().failures == {}
    return home


@pytest.fixture(scope="module")
def updated(baseline: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same after the update files, the later one first."""
    home = baseline.copied_to(tmp_path_factory.mktemp("updated") / "home")
    for name in UPDATES:
        assert home.file(name).failures == {}
    assert home.graph().failures == {}
    return home


def test_before_the_updates_the_edges_are_there(baseline: Home):
    [celecoxib] = baseline.edges_between("celecoxib", "schizophrenia")
    [budesonide] = baseline.edges_between("BUDESONIDE", "chronic myeloid leukemia")

    assert (celecoxib["n_documents"], celecoxib["publications"]) == (1, ["PMID:90000052"])
    assert (budesonide["n_documents"], budesonide["publications"]) == (1, ["PMID:90000058"])


def test_a_deleted_citation_is_gone_from_the_edges(updated: Home):
    assert updated.edges_between("celecoxib", "schizophrenia") == []


def test_a_revised_citation_counts_as_it_now_reads(updated: Home):
    assert updated.edges_between("BUDESONIDE", "chronic myeloid leukemia") == []
    [edge] = updated.edges_between("imatinib", "asthma")
    assert edge["publications"] == ["PMID:90000058"]


def test_a_citation_that_was_published_again_counts_again(updated: Home):
    current = {row["pmid"]: row for row in updated.lake.read(CURRENT_CITATIONS).to_pylist()}

    assert current[90000071]["deleted"] is False
    assert current[90000071]["file"] == "pubmed26n0006"
    assert current[90000052] == {
        "pmid": 90000052,
        "doc_id": "PMID:90000052",
        "version": None,
        "file": "pubmed26n0005",
        "content_hash": None,
        "position": current[90000052]["position"],
        "deleted": True,
    }
    assert len(current) == 119


def test_no_edge_speaks_of_a_deleted_citation(updated: Home):
    edges = updated.lake.read(EDGES).to_pylist()
    named = {doc for row in edges for doc in row["publications"] or []}

    assert "PMID:90000052" not in named | {row["sentence_doc_id"] for row in edges}
    assert "PMID:90000071" in named


def test_only_files_that_lost_or_gained_a_citation_are_counted_again(baseline: Home, updated: Home):
    """No citation of the first file is revised or deleted by the updates."""
    before, after = baseline.generations(PAIR_COUNTS), updated.generations(PAIR_COUNTS)

    assert sorted(after) == [f"pubmed26n000{n}" for n in range(1, 7)]
    assert {name for name, generation in after.items() if before.get(name) != generation} == {
        "pubmed26n0002",
        "pubmed26n0003",
        "pubmed26n0004",
        "pubmed26n0005",
        "pubmed26n0006",
    }


def test_files_that_were_there_are_not_read_again(baseline: Home, updated: Home):
    before, after = baseline.generations(MENTIONS), updated.generations(MENTIONS)

    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("table", MADE_OF_FILES, ids=lambda table: table.name)
def test_the_order_in_which_files_arrive_does_not_matter(
    sample_home: Path, home_at: Callable[[Path], Home], updated: Home, table: Table
):
    assert updated.data_versions(table) == home_at(sample_home).data_versions(table)


def test_a_file_that_was_read_before_its_surfaces_were_linked_waits(
    sample_home: Path, home_at: Callable[[Path], Home], baseline: Home, tmp_path: Path
):
    """Otherwise its pairs would be counted without links and never again."""
    home = baseline.copied_to(tmp_path / "home")
    for name in UPDATES:
        assert home.file(name).failures == {}

    early = home.materialise(dg.AssetSelection.assets("current_citations", "pair_counts"))
    assert early.failures == {}
    assert early.metadata["pair_counts"]["waiting"] == 2
    assert "pubmed26n0005" not in home.lake.partitions(PAIR_COUNTS)
    later = home.graph()

    assert later.failures == {}
    assert later.metadata["pair_counts"]["waiting"] == 0
    assert home.data_versions(PAIR_COUNTS) == home_at(sample_home).data_versions(PAIR_COUNTS)
