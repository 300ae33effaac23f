"""Evaluations as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.evaluation.figures import evaluation_rows
from kazu_platform.evaluation.ner import evaluate
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import EVALUATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.evaluation.entities import TokenGold

    Gold = Callable[..., TokenGold]
    Mentions = Callable[..., pa.Table]


class Given:
    """Finds what it was given."""

    name, version = "hand", "1"

    def __init__(self, mentions: pa.Table) -> None:
        self.mentions = mentions

    def detect(self, passages: pa.Table) -> pa.Table:
        del passages
        return self.mentions


def test_every_figure_is_a_row_with_what_it_is_a_share_of(
    iob: Gold, mentions: Mentions, tmp_path: Path
):
    gold = iob("p53/B-gene and the IL-2/B-gene rose", "HeLa/B-cell_line rose")
    found = mentions(
        gold.passages,
        ("?#1", "p53", "gene"),
        ("?#1", "the IL-2", "gene"),
        ("?#1", "rose", "gene"),
        ("?#2", "HeLa", "cell_line"),
    )
    results = [
        evaluate(gold, Given(found), name, train=iob("P53/B-gene"))
        for name in ("gene", "cell_line")
    ]

    rows = evaluation_rows(results, stage="ner_model")

    lake = Lake(tmp_path)
    lake.write(EVALUATIONS, rows, partition="ner_model")
    read = lake.read(EVALUATIONS, "ner_model")
    assert read.equals(rows)
    genes = [row for row in read.to_pylist() if row["entity_class"] == "gene"]
    assert [(row["metric"], round(row["value"], 3), row["n"]) for row in genes] == [
        ("characters_f1", 0.4, 2),
        ("characters_precision", 0.333, 3),
        ("characters_recall", 0.5, 2),
        ("f1", 0.4, 2),
        ("precision", 0.333, 3),
        ("recall", 0.5, 2),
        ("relaxed_f1", 0.8, 2),
        ("relaxed_precision", 0.667, 3),
        ("relaxed_recall", 1.0, 2),
        ("seen_recall", 1.0, 1),
        ("unseen_recall", 0.0, 1),
    ]
    assert {(row["stage"], row["corpus"], row["split"], row["detector"]) for row in genes} == {
        ("ner_model", "corpus", "gold", "hand")
    }
    assert all(row["low"] <= row["value"] <= row["high"] for row in genes)
    lines = {row["metric"] for row in read.to_pylist() if row["entity_class"] == "cell_line"}
    assert "seen_recall" not in lines
    assert "unseen_recall" in lines
