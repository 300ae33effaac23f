"""What people linked strings to, in the terms of an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from kazu_platform.errors import ArtifactError
from kazu_platform.linking.embedding import as_bytes
from kazu_platform.linking.index import open_linking_index
from kazu_platform.linking.learnt import (
    FILE,
    LEARNT,
    MOST_STRINGS,
    STRINGS,
    STRINGS_FILE,
    Learnt,
    Memory,
    read_memory,
    string_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kazu_platform.linking.exact import ExactLinker


def memory(*rows: tuple[str, str, str, int, int]) -> Memory:
    strings, ids, marked, times, parts = zip(*rows, strict=True)
    learnt = pa.table(
        {
            "string": [string_key(each, "disease") for each in strings],
            "concept_id": ids,
            "marked_id": marked,
            "times": times,
            "mentions": [each - 1 for each in times],  # one of them had it for a long form
            "part": parts,
            "is_name": [False] * len(rows),
        },
        schema=LEARNT,
    )
    return Memory(learnt, vectors_of(dict.fromkeys(strings)))


def vector(string: str) -> list[float]:
    """Strings that begin alike are alike."""
    letters = np.array([ord(each) - ord("a") for each in string[:3].replace(" ", "z")])
    made = np.zeros(26 * 3, np.float32)
    made[letters + 26 * np.arange(len(letters))] = 1
    return (made / np.linalg.norm(made)).tolist()


def vectors_of(strings: Iterable[str]) -> pa.Table:
    strings = list(strings)
    made = as_bytes(np.array([vector(each) for each in strings], np.float32))
    return pa.table(
        {
            "string": [string_key(each, "disease") for each in strings],
            "entity_class": ["disease"] * len(strings),
            "value": [each.tobytes() for each in made.values],
            "scale": made.scale,
        },
        schema=STRINGS,
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


def alike(
    learnt: Learnt, linker: ExactLinker, string: str, fold: int | None = None
) -> dict[str, float]:
    asked = pl.DataFrame({"surface": [0], "query": [0], "string": [string]})
    vectors = np.array([vector(string)], np.float32)
    folds = None if fold is None else np.array([fold])
    rows = learnt.alike("disease", asked, [string], vectors, folds)
    ids = linker.index.concepts["concept_id"].to_pylist()
    return {ids[concept]: near for concept, near in rows.select("concept", "near_learnt").rows()}


def test_a_string_is_told_by_those_that_are_like_it(learnt: Learnt, linker: ExactLinker):
    assert alike(learnt, linker, "tumours") == pytest.approx(
        {"MONDO:0007254": 5 / 6, "MONDO:0004989": 1 / 6}, abs=0.01
    )
    assert alike(learnt, linker, "tumours", fold=1) == pytest.approx({"MONDO:0007254": 1}, abs=0.01)
    assert alike(learnt, linker, "another") == {}


def test_a_string_is_not_like_itself(learnt: Learnt, linker: ExactLinker):
    """Else who takes a name away would be told of it by its own vector."""
    assert alike(learnt, linker, "tumour of the breast") == {}


def test_a_string_is_not_told_by_its_own_long_form(learnt: Learnt):
    """Both are strings of one surface, whichever is asked for."""
    strings = ["tumours", "tumour of the breast"]
    asked = pl.DataFrame({"surface": [0, 0], "query": [0, 1], "string": strings})
    vectors = np.array([vector(each) for each in strings], np.float32)

    assert learnt.alike("disease", asked, strings, vectors, None).is_empty()


def test_the_likest_strings_count_that_are_not_a_surfaces_own(linker: ExactLinker):
    """Nearer ones that are its own, or of its part, take no place of others."""
    own, others = "abc own", [f"abd {place}" for place in range(MOST_STRINGS - 1)]
    rows = [
        (own, "MONDO:0004989", "", 1, 0),
        *((f"abc {place}", "MONDO:0004989", "", 1, 1) for place in range(MOST_STRINGS)),
        *((each, "MONDO:0007254", "", 1, 0) for each in others),
    ]
    learnt = Learnt.of_index(memory(*rows), linker.index)

    assert set(alike(learnt, linker, own)) == {"MONDO:0004989"}
    assert set(alike(learnt, linker, own, fold=1)) == {"MONDO:0007254"}


def test_the_strings_of_a_concept_are_known_by_either_identifier(learnt: Learnt):
    tumour = {string_key("tumour of the breast", "disease")}

    assert learnt.strings_of({"MONDO:0007254"}) == tumour
    assert learnt.strings_of({"MONDO:0004989", "MONDO:1"}) == tumour
    assert learnt.strings_of({"GONE:2"}) == set()


def test_each_mention_makes_a_concept_popular_once(learnt: Learnt, linker: ExactLinker):
    ids = linker.index.concepts["concept_id"].to_pylist()
    asked = np.array([ids.index("MONDO:0007254"), ids.index("MONDO:0004989")])

    assert np.expm1(learnt.popularity(asked, None).to_numpy()) == pytest.approx([2 + 1, 0])
    assert np.expm1(learnt.popularity(asked, np.array([0, 0])).to_numpy()) == pytest.approx([1, 0])


def test_nothing_is_remembered_of_nothing(linker: ExactLinker):
    empty = Learnt.of_index(Memory(LEARNT.empty_table()), linker.index)

    assert found(empty, linker, "tumour of the breast") == {}
    assert alike(empty, linker, "tumours") == {}


def test_memory_is_read_as_it_was_written(tmp_path: Path):
    MEMORY.write(tmp_path)

    read, version = read_memory(tmp_path)

    assert (read.learnt, read.strings) == (MEMORY.learnt, MEMORY.strings)
    Memory(MEMORY.learnt).write(tmp_path)
    assert read_memory(tmp_path)[1] != version


@pytest.mark.parametrize("name", [FILE, STRINGS_FILE])
def test_memory_that_is_broken_or_missing_is_named(tmp_path: Path, name: str):
    MEMORY.write(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        read_memory(tmp_path)
    (tmp_path / name).write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match=f"{name} cannot be read"):
        read_memory(tmp_path)
