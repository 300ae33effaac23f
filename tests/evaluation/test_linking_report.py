"""Evaluations of linkers as rows, as tables and as mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.evaluation.linkers import OwnLinker
from kazu_platform.evaluation.linking import evaluate_linker, linking_task
from kazu_platform.evaluation.linking_report import (
    linking_rows,
    linking_to_markdown,
    mistakes_to_markdown,
)
from tests.evaluation.linking_by_hand import Made, gold_of, make

if TYPE_CHECKING:
    from kazu_platform.evaluation.linking import LinkingEvaluation, LinkingTask

BREAST = ("breast cancer", "disease", ("MESH:D001943",))
GROWTH = ("growth | of the breast", "disease", ("MESH:D001943",))
COLON_AS_LUNG = ("colon cancer", "disease", ("MESH:D008175",))
NOTHING = ("malaise", "disease", ())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("linking") / "index")


@pytest.fixture(scope="module")
def pair(made: Made) -> tuple[LinkingTask, LinkingEvaluation]:
    gold = gold_of([BREAST, COLON_AS_LUNG, GROWTH], [COLON_AS_LUNG], [NOTHING])
    task = linking_task(gold, "disease", made.identifiers, made.linker)
    return task, evaluate_linker(task, OwnLinker(made.linker, "ours"))


def test_counts_are_of_documents_with_a_concept_in_the_vocabulary(
    pair: tuple[LinkingTask, LinkingEvaluation],
):
    counts = pair[1].counts

    assert counts.correct.tolist() == [1, 0]
    assert counts.found.tolist() == counts.gold.tolist() == [3, 1]


def test_each_figure_is_a_row_with_what_it_is_a_share_of(
    pair: tuple[LinkingTask, LinkingEvaluation],
):
    rows = linking_rows([pair[1]], stage="linking_ranker").to_pylist()

    assert {(row["stage"], row["detector"], row["entity_class"]) for row in rows} == {
        ("linking_ranker", "ours", "disease")
    }
    found = {row["metric"]: (row["value"], row["n"]) for row in rows}
    assert found["accuracy_at_1_in_vocabulary"] == (0.25, 4)
    assert found["accuracy_with_nil"] == (0.4, 5)
    assert found["nil_precision"] == (0.5, 2)
    assert found["nil_recall"] == (1.0, 1)
    assert found["calibration_error"][1] == 3
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_figures_are_a_table_in_percent(pair: tuple[LinkingTask, LinkingEvaluation]):
    *_, row = linking_to_markdown([pair[1]]).split("\n")

    cells = row.strip("| ").split(" | ")
    assert cells[:5] == [pair[0].corpus, "disease", "5", "4", "25.0"]
    assert cells[7:9] == ["25.0", "40.0"]


def test_mistakes_tell_what_was_meant_and_what_was_said(
    made: Made, pair: tuple[LinkingTask, LinkingEvaluation]
):
    shown = mistakes_to_markdown([pair], made.index.concepts, most=5)

    assert shown.split("\n") == [
        f"**{pair[0].corpus}, disease**",
        "",
        "| string | means | was linked to | times |",
        "|---|---|---|---|",
        "| colon cancer | lung cancer (MONDO:2) | colon cancer (MONDO:3) | 2 |",
        r"| growth \| of the breast | breast cancer (MONDO:1) | nothing | 1 |",
    ]
    assert len(mistakes_to_markdown([pair], made.index.concepts, most=1).split("\n")) == 5
