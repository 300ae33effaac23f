"""The paper's figures."""

from __future__ import annotations

from statistics import mean

import pytest

from kazu_platform.evaluation.paper import CROSS_CORPUS, PAPER, PAPER_CLASSES

BC4CHEMD = (92.86, 91.69, 89.36)
"""F1 of the row that is left out."""


def test_with_the_row_that_is_left_out_the_macros_are_those_of_the_paper():
    rows = [BC4CHEMD, *((row.bern2, row.teacher, row.tinybern2) for row in PAPER)]

    macros = [mean(column) for column in zip(*rows, strict=True)]

    assert macros == pytest.approx([62.37, 60.62, 58.31], abs=0.011)


def test_there_are_thirteen_rows_of_six_classes_five_of_them_only_reported():
    assert len({(row.corpus, row.entity_class) for row in PAPER}) == len(PAPER) == 13
    assert sorted(PAPER_CLASSES) == [
        "cell_line",
        "cell_type",
        "chemical",
        "disease",
        "gene",
        "species",
    ]
    assert sum(row.cross_corpus for row in PAPER) == len(CROSS_CORPUS) == 5
