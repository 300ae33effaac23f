"""What people linked strings to, in the terms of an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.learnt import (
    FILE,
    LEARNT,
    Learnt,
    read_learnt,
    string_key,
    write_learnt,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kazu_platform.linking.exact import ExactLinker


def memory(*rows: tuple[str, str, str, int, int]) -> pa.Table:
    strings, ids, marked, times, parts = zip(*rows, strict=True)
    return pa.table(
        {
            "string": [string_key(each, "disease") for each in strings],
            "concept_id": ids,
            "marked_id": marked,
            "times": times,
            "part": parts,
            "is_name": [False] * len(rows),
        },
        schema=LEARNT,
    )


MEMORY = memory(
    ("tumour of the breast", "MONDO:0007254", "MESH:D001943", 3, 0),
    ("tumour of the breast", "MONDO:0007254", "MESH:D001943", 2, 1),
    ("tumour of the breast", "GONE:1", "MONDO:0004989", 1, 1),
    ("tumour of the breast", "GONE:2", "GONE:3", 9, 1),
)


@pytest.fixture
def learnt(linker: ExactLinker) -> Learnt:
    return Learnt.of_index(MEMORY, open_linking_index(linker.index.folder))


def found(
    learnt: Learnt, linker: ExactLinker, string: str, fold: int | None = None
) -> dict[str, tuple[float, float]]:
    rows = learnt.of(
        [string], ["disease"], np.array([0]), None if fold is None else np.array([fold])
    )
    ids = linker.index.concepts["concept_id"].to_pylist()
    return {
        ids[concept]: (times, of_all)
        for concept, times, of_all in rows.select("concept", "times", "times_all").iter_rows()
    }


def test_a_string_means_what_people_said_by_either_identifier(learnt: Learnt, linker: ExactLinker):
    assert found(learnt, linker, "tumour of the breast") == {
        "MONDO:0007254": (5.0, 6.0),
        "MONDO:0004989": (1.0, 6.0),
    }
    assert found(learnt, linker, "another") == {}


def test_what_is_asked_of_a_part_does_not_come_from_it(learnt: Learnt, linker: ExactLinker):
    assert found(learnt, linker, "tumour of the breast", fold=1) == {"MONDO:0007254": (3.0, 3.0)}


def test_nothing_is_remembered_of_nothing(linker: ExactLinker):
    empty = Learnt.of_index(LEARNT.empty_table(), linker.index)

    assert found(empty, linker, "tumour of the breast") == {}


def test_memory_is_read_as_it_was_written(tmp_path: Path):
    write_learnt(MEMORY, tmp_path)

    assert read_learnt(tmp_path)[0].equals(MEMORY)


def test_memory_that_is_broken_or_missing_is_named(tmp_path: Path):
    with pytest.raises(ArtifactError, match="is missing"):
        read_learnt(tmp_path)
    (tmp_path / FILE).write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match=FILE):
        read_learnt(tmp_path)
