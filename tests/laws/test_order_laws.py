"""The order in which rows and partitions come decides nothing: on all of the sample."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from kazu_platform.citations.current import current_citations
from kazu_platform.graph.network import CO_OCCURRENCE, nodes_and_edges
from kazu_platform.graph.pairs import count_pairs
from kazu_platform.linking.corpus import surfaces_of_files
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import (
    CITATIONS,
    CONCEPT_EQUIVALENTS,
    CONCEPT_RELATIONS,
    CONCEPTS,
    CURRENT_CITATIONS,
    DELETIONS,
    EDGES,
    LINKS,
    MENTIONS,
    NODES,
    PAIR_COUNTS,
    SENTENCES,
)

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = [1, 2, 3]


@pytest.fixture(scope="module")
def lake(sample_home: Path) -> Lake:
    return Lake(sample_home / "lake")


def shuffled(rows: pa.Table, seed: int) -> pa.Table:
    order = list(range(rows.num_rows))
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    return rows.take(pa.array(order))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_current_does_not_depend_on_the_order_of_files_and_rows(lake: Lake, seed: int):
    citations = shuffled(lake.read(CITATIONS), seed)
    deletions = shuffled(lake.read(DELETIONS), seed)

    current = current_citations(citations, deletions)

    assert current.equals(lake.read(CURRENT_CITATIONS))
    assert current.num_rows == 119


@pytest.mark.parametrize("seed", SEEDS)
def test_surfaces_do_not_depend_on_the_files_their_mentions_lie_in(
    lake: Lake, tmp_path: Path, seed: int
):
    other = Lake(tmp_path / "lake")
    mixed = shuffled(lake.read(MENTIONS), seed)
    half = mixed.num_rows // 2
    other.write(MENTIONS, mixed.slice(half), partition="b")
    other.write(MENTIONS, mixed.slice(0, half), partition="a")

    there = surfaces_of_files(lake.files(MENTIONS))
    here = surfaces_of_files(other.files(MENTIONS)[::-1])

    assert sum(bucket.num_rows for bucket in here.values()) > 500
    assert {name: rows.to_pylist() for name, rows in here.items()} == {
        name: rows.to_pylist() for name, rows in there.items()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_counts_of_a_file_do_not_depend_on_the_order_of_rows(lake: Lake, seed: int):
    file = "pubmed26n0002"
    tables: dict[str, Any] = {
        "mentions": lake.read(MENTIONS, file),
        "links": lake.read(LINKS),
        "citations": lake.read(CITATIONS, file),
        "sentences": lake.read(SENTENCES, file),
        "current": lake.read(CURRENT_CITATIONS),
    }

    counts = count_pairs(**{name: shuffled(rows, seed) for name, rows in tables.items()}, file=file)

    assert counts.equals(lake.read(PAIR_COUNTS, file))
    assert counts.num_rows > 100


@pytest.mark.parametrize("seed", SEEDS)
def test_the_graph_does_not_depend_on_the_order_of_files_and_rows(lake: Lake, seed: int):
    licences = {each["source"]: each["licence"] for each in lake.read(NODES).to_pylist()}
    licences |= {each["source"]: each["licence"] for each in lake.read(EDGES).to_pylist()}
    assert CO_OCCURRENCE in licences
    for name in lake.partitions(CONCEPTS):  # of which no concept is a node
        licences.setdefault(name, "unused")

    nodes, edges = nodes_and_edges(
        shuffled(lake.read(PAIR_COUNTS), seed),
        shuffled(lake.read(CONCEPTS), seed),
        shuffled(lake.read(CONCEPT_RELATIONS), seed),
        n_documents=116,
        equivalents=shuffled(lake.read(CONCEPT_EQUIVALENTS), seed),
        licences=licences,
    )

    assert nodes.equals(lake.read(NODES))
    assert edges.equals(lake.read(EDGES))
