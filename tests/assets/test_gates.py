"""Gates judge staged rows: they pass good ones and fail on rows that are really wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from assets import gates
from assets.reading import read_passages
from kazu_platform.settings import ExpectedSize
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CITATIONS, CONCEPTS, DELETIONS, EDGES, MENTIONS, NODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "pubmed26n0001"


@pytest.fixture
def lake(sample_home: Path) -> Lake:
    """The sample's lake: rows are staged in it, and nothing is published."""
    return Lake(sample_home / "lake")


def deletion(pmid: int, version: int | None = None) -> dict[str, Any]:
    return {"pmid": pmid, "version": version, "file": "a", "position": 0}


@pytest.mark.parametrize(
    ("rows", "n_twice"),
    [
        ([], 0),
        ([deletion(1), deletion(1, version=1), deletion(2)], 0),
        ([deletion(1), deletion(2), deletion(1)], 1),
        ([deletion(1, version=2)] * 3 + [deletion(2), deletion(2)], 2),
    ],
)
def test_a_key_that_stands_twice_fails(tmp_path: Path, rows: list[dict[str, Any]], n_twice: int):
    lake = Lake(tmp_path)

    with lake.stage(DELETIONS, DELETIONS.from_rows(rows), partition="a") as staged:
        judged = gates.keys_are_unique(staged)

    assert judged.passed == (n_twice == 0)
    assert judged.description == f"{n_twice} keys stand there more than once"
    assert judged.metadata["rows"].value == len(rows)


@pytest.mark.parametrize(
    ("concepts", "n_bytes", "problem"),
    [
        (15_000, 5_000, ""),
        (90_000, 30_000, ""),
        (14_999, 10_000, "14,999 concepts, expected about 30,000"),
        (90_001, 10_000, "90,001 concepts, expected about 30,000"),
        (30_000, 4_999, "4,999 bytes, expected about 10,000"),
        (
            1,
            30_001,
            "1 concepts, expected about 30,000; 30,001 bytes, expected about 10,000",
        ),
    ],
)
def test_a_size_far_from_the_catalogues_is_a_warning(concepts: int, n_bytes: int, problem: str):
    expected = ExpectedSize(concepts=30_000, bytes=10_000)

    judged = gates.size_is_expected(CONCEPTS, concepts, n_bytes, expected)

    assert judged.severity is dg.AssetCheckSeverity.WARN
    assert judged.passed == (not problem)
    assert problem in str(judged.description)


def test_any_size_will_do_where_the_catalogue_says_none():
    judged = gates.size_is_expected(CONCEPTS, 3, 7, None)

    assert judged.passed
    assert judged.description == "3 concepts in use, 7 bytes: the catalogue says no size"


def moved(row: dict[str, Any]) -> dict[str, Any]:
    spans = [{"start": s["start"] + 1, "end": s["end"] + 1} for s in row["spans"]]
    return row | {"spans": spans}


def other_text(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"text": row["text"].swapcase()}


def other_document(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"content_hash": "0" * 16}


def section_that_is_not_there(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"section": 99}


def beyond_the_end(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"spans": [{"start": 10**6, "end": 10**6 + 4}]}


@pytest.mark.parametrize(
    "wrong", [moved, other_text, other_document, section_that_is_not_there, beyond_the_end]
)
def test_a_mention_that_is_not_its_slice_fails(
    lake: Lake, wrong: Callable[[dict[str, Any]], dict[str, Any]]
):
    rows = lake.read(MENTIONS, FILE).to_pylist()
    rows[7] = wrong(rows[7])

    with lake.stage(MENTIONS, MENTIONS.from_rows(rows), partition=FILE) as staged:
        judged = gates.offsets_slice_to_the_mention(staged, read_passages(lake, FILE))

    assert not judged.passed
    assert judged.description == "1 mentions are not their own slice of the text"
    assert rows[7]["doc_id"] in str(judged.metadata["examples"].value)


def test_offsets_behind_characters_that_change_length_in_lower_case_pass(lake: Lake):
    """PMID 90000020 speaks of İstanbul before it names malaria."""
    rows = [r for r in lake.read(MENTIONS, FILE).to_pylist() if r["doc_id"] == "PMID:90000020"]
    texts = {r["doc_id"]: r["sections"] for r in lake.read(CITATIONS, FILE).to_pylist()}
    assert "İstanbul, malaria" in texts["PMID:90000020"][1]["text"]
    assert ("malaria", 1) in {(row["text"], row["section"]) for row in rows}

    with lake.stage(MENTIONS, MENTIONS.from_rows(rows), partition=FILE) as staged:
        judged = gates.offsets_slice_to_the_mention(staged, read_passages(lake, FILE))

    assert judged.passed


def test_the_stretches_of_a_discontinuous_mention_are_joined(lake: Lake):
    [row, *_] = [
        r for r in lake.read(MENTIONS, FILE).to_pylist() if len(r["text"]) > 5 and " " in r["text"]
    ]
    start, end = row["spans"][0]["start"], row["spans"][0]["end"]
    first, _, rest = row["text"].partition(" ")
    spans = [
        {"start": start, "end": start + len(first)},
        {"start": end - len(rest), "end": end},
    ]
    rows = [row | {"spans": spans, "text": f"{first} ... {rest}"}]

    with lake.stage(MENTIONS, MENTIONS.from_rows(rows), partition=FILE) as staged:
        joined = gates.offsets_slice_to_the_mention(staged, read_passages(lake, FILE))
    with lake.stage(
        MENTIONS, MENTIONS.from_rows([row | {"spans": spans}]), partition=FILE
    ) as staged:
        not_joined = gates.offsets_slice_to_the_mention(staged, read_passages(lake, FILE))

    assert joined.passed
    assert not not_joined.passed


def test_an_edge_to_no_node_fails(lake: Lake):
    nodes, edges = lake.read(NODES, "all"), lake.read(EDGES, "all")
    lost = edges["object"][0].as_py()
    n_lost = sum(
        lost in ends
        for ends in zip(edges["subject"].to_pylist(), edges["object"].to_pylist(), strict=True)
    )
    rest = nodes.filter([name != lost for name in nodes["id"].to_pylist()])

    with lake.stage(EDGES, edges, partition="all") as staged:
        whole = gates.no_dangling_edge(nodes, staged)
        loose = gates.no_dangling_edge(rest, staged)

    assert whole.passed
    assert not loose.passed
    assert loose.description == f"{n_lost} edges lead to no node"


@pytest.mark.parametrize(
    ("before", "now", "passed"),
    [
        (None, 0, True),
        (0, 0, True),
        (100, 90, True),
        (100, 89, False),
        (100, 0, False),
        (1, 5, True),
    ],
)
def test_a_vocabulary_may_lose_a_tenth(before: int | None, now: int, passed: bool):  # noqa: FBT001 - a row
    assert gates.did_not_shrink(CONCEPTS, now, before).passed == passed


@pytest.mark.parametrize(
    ("kept", "set_aside", "passed"),
    [
        (0, 0, True),
        (25, 3, True),
        (1, 10, True),
        (1, 11, False),
        (0, 1, False),
        (950, 50, True),
        (949, 51, False),
    ],
)
def test_one_document_in_twenty_may_be_set_aside(kept: int, set_aside: int, passed: bool):  # noqa: FBT001
    assert gates.few_set_aside(CITATIONS, kept, set_aside).passed == passed
