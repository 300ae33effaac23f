"""The number of documents that shares are shares of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from kazu_platform.graph.population import count_documents
from kazu_platform.tables import CITATIONS, CURRENT_CITATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Row = dict[str, Any]
    Write = Callable[[str, Sequence[Row]], str]


def citation(pmid: int | None, position: int, *, retracted: bool = False) -> Row:
    return {
        "doc_id": f"PMID:{pmid}",
        "pmid": pmid,
        "version": 1,
        "title": "",
        "sections": [],
        "other_abstracts": [],
        "language": [],
        "publication_types": [],
        "mesh": [],
        "retracted": retracted,
        "content_hash": "h",
        "position": position,
    }


def current(pmid: int, file: str, position: int, *, deleted: bool = False) -> Row:
    state = {"pmid": pmid, "doc_id": f"PMID:{pmid}", "deleted": deleted, "position": position}
    return state | {"file": file, "content_hash": None if deleted else "h"}


@pytest.fixture
def citations(tmp_path: Path) -> Write:
    """Write CITATIONS of a file."""

    def write(file: str, rows: Sequence[Row]) -> str:
        path = tmp_path / f"{file}.parquet"
        pq.write_table(CITATIONS.from_rows([row | {"file": file} for row in rows]), path)
        return str(path)

    return write


@pytest.fixture
def states(tmp_path: Path) -> Callable[[Sequence[Row]], list[str]]:
    """Write CURRENT_CITATIONS."""

    def write(rows: Sequence[Row]) -> list[str]:
        path = tmp_path / "current.parquet"
        pq.write_table(CURRENT_CITATIONS.from_rows(rows), path)
        return [str(path)]

    return write


def test_every_current_citation_counts_once(
    citations: Write, states: Callable[[Sequence[Row]], list[str]]
):
    """PMID 1 stands in two files, PMID 2 twice in one; each counts where it is current."""
    files = [
        citations("a", [citation(1, 0), citation(2, 1), citation(2, 2)]),
        citations("b", [citation(1, 0), citation(3, 1)]),
    ]

    assert (
        count_documents(files, states([current(1, "b", 0), current(2, "a", 2), current(3, "b", 1)]))
        == 3
    )


def test_deleted_and_retracted_citations_do_not_count(
    citations: Write, states: Callable[[Sequence[Row]], list[str]]
):
    files = [citations("a", [citation(1, 0), citation(2, 1, retracted=True), citation(3, 2)])]
    now = [current(1, "a", 0), current(2, "a", 1), current(3, "a", 2, deleted=True)]

    assert count_documents(files, states(now)) == 1


def test_what_was_retracted_in_an_old_version_counts(
    citations: Write, states: Callable[[Sequence[Row]], list[str]]
):
    files = [
        citations("a", [citation(1, 0, retracted=True)]),
        citations("b", [citation(1, 0)]),
    ]

    assert count_documents(files, states([current(1, "b", 0)])) == 1


def test_without_files_there_are_none(
    citations: Write, states: Callable[[Sequence[Row]], list[str]]
):
    assert count_documents([], []) == 0
    assert count_documents([citations("a", [citation(1, 0)])], []) == 0
    assert count_documents([], states([current(1, "a", 0)])) == 0
    assert count_documents([citations("a", [])], states([])) == 0


def test_a_path_is_no_pattern(tmp_path: Path):
    folder = tmp_path / "a[b]*" / "file=x"
    folder.mkdir(parents=True)
    pq.write_table(CITATIONS.from_rows([citation(1, 0) | {"file": "a"}]), folder / "c.parquet")
    pq.write_table(CURRENT_CITATIONS.from_rows([current(1, "a", 0)]), folder / "s.parquet")

    assert count_documents([str(folder / "c.parquet")], [str(folder / "s.parquet")]) == 1


def test_the_sample_has_116(sample_home: Path):
    """118 current citations of which two are retracted."""
    from kazu_platform.storage.lake import Lake

    lake = Lake(sample_home / "lake")

    assert count_documents(lake.files(CITATIONS), lake.files(CURRENT_CITATIONS)) == 116
