"""Sentences of reports are real: they stand in a citation and hold the mention."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from kazu_platform.reports.examples import MAX_EXAMPLES, example_sentences, with_examples
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CITATIONS, MENTIONS, SURFACES

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def lake(sample_home: Path) -> Lake:
    return Lake(sample_home / "lake")


def test_every_surface_of_the_sample_has_a_sentence_that_holds_it(lake: Lake):
    text_of = {row["surface_id"]: row["text"] for row in lake.read(SURFACES).to_pylist()}
    written: dict[str, list[str]] = {}
    for row in lake.read(CITATIONS, columns=["doc_id", "sections"]).to_pylist():
        written.setdefault(row["doc_id"], []).extend(part["text"] for part in row["sections"])

    found = example_sentences(lake, list(text_of)).to_dicts()

    assert {row["surface_id"] for row in found} == set(text_of)
    assert len(found) == len(text_of) > 300
    for row in found:
        assert text_of[row["surface_id"]] in row["sentence"]
        assert any(row["sentence"] in text for text in written[row["sentence_doc_id"]])


def test_the_newest_file_is_read_first_and_no_more_than_it_takes(
    own_home: Path,
):
    lake = Lake(own_home / "lake")
    *older, newest = lake.partitions(MENTIONS)
    there = lake.read(MENTIONS, newest)["surface_id"].to_pylist()
    for file in older:
        Path(lake.pointer(MENTIONS, file).path).unlink()

    found = example_sentences(lake, there)

    assert set(found["surface_id"]) == set(there)


def test_a_surface_that_nothing_mentions_has_none(lake: Lake):
    assert example_sentences(lake, ["no such surface"]).is_empty()
    assert example_sentences(lake, []).is_empty()


def test_only_the_first_rows_are_looked_up():
    ranked = pl.DataFrame({"surface_id": [None, *(f"s{n}" for n in range(MAX_EXAMPLES + 5))]})

    def examples(surface_ids: Sequence[str]) -> pl.DataFrame:
        found = {"surface_id": surface_ids, "sentence_doc_id": "PMID:7", "sentence": "A sentence."}
        return pl.DataFrame(found)

    rows = with_examples(ranked, examples)

    assert rows["surface_id"].equals(ranked["surface_id"])
    assert rows["sentence"].is_not_null().to_list() == [
        False,
        *[True] * (MAX_EXAMPLES - 1),
        *[False] * 6,
    ]
