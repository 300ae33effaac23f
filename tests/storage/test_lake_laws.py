"""Laws of the lake, for rows nobody thought of."""

from __future__ import annotations

import itertools
import tempfile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.storage.lake import Lake
from kazu_platform.tables import DELETIONS, MENTIONS, Table

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
INTEGERS = st.integers(-(2**31), 2**31 - 1)
SPANS = st.lists(st.fixed_dictionaries({"start": INTEGERS, "end": INTEGERS}), max_size=3)
DELETION_ROWS = st.fixed_dictionaries(
    {
        "pmid": st.integers(-(2**63), 2**63 - 1),
        "version": st.none() | INTEGERS,
        "file": TEXTS,
        "position": INTEGERS,
    }
)
_OTHERS = {
    "mention_id",
    "doc_id",
    "content_hash",
    "text",
    "entity_class",
    "detector",
    "detector_version",
    "surface_id",
    "context",
}
MENTION_ROWS = st.fixed_dictionaries(
    {
        **dict.fromkeys(sorted(_OTHERS), TEXTS),
        **dict.fromkeys(("section", "sentence", "start", "end"), INTEGERS),
        "spans": SPANS,
        "confidence": st.none() | st.floats(width=32, allow_nan=False),
    }
)


def round_trip(table: Table, rows: list[dict[str, Any]], cuts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        whole = table.from_rows(rows)
        borders = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
        pieces = [whole.slice(a, b - a) for a, b in itertools.pairwise(borders)]

        written = lake.write(table, pieces, partition="a")
        again = lake.write(table, [whole], partition="a")

        assert lake.read(table, "a").equals(whole)
        assert again.unchanged
        assert written.n_rows == len(rows)
        in_order = lake.write(table, whole, partition="b")
        key = repr
        assert sorted(lake.read(table, "b").to_pylist(), key=key) == sorted(rows_of(whole), key=key)
        assert in_order.n_rows == len(rows)


def rows_of(table: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - an Arrow table
    return table.to_pylist()


@settings(max_examples=25, deadline=None)
@given(st.lists(DELETION_ROWS, max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_deletions_are_read_as_they_were_written(rows: list[dict[str, Any]], cuts: list[int]):
    round_trip(DELETIONS, rows, cuts)


@settings(max_examples=25, deadline=None)
@given(st.lists(MENTION_ROWS, max_size=10), st.lists(st.integers(0, 10), max_size=4))
def test_mentions_are_read_as_they_were_written(rows: list[dict[str, Any]], cuts: list[int]):
    round_trip(MENTIONS, rows, cuts)
