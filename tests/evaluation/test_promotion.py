"""The gate of a new model."""

from __future__ import annotations

import numpy as np
import pytest

from kazu_platform.evaluation.promotion import compare
from kazu_platform.evaluation.scores import Counts

BC2GM, GELLUS = ("BC2GM", "gene"), ("gellus", "cell_line")


def counts(*units: tuple[int, int, int]) -> Counts:
    """Of (correct, found, gold) of each unit."""
    return Counts(*np.array(units, np.int64).reshape(-1, 3).T)


BETTER, WORSE = counts(*[(8, 10, 10)] * 30), counts(*[(7, 10, 10)] * 30)
A_LITTLE_WORSE = counts(*[(8, 10, 10)] * 29, (7, 10, 10))


def test_a_first_model_has_nothing_to_compare_with_and_passes():
    verdict = compare({BC2GM: WORSE}, None)

    (row,) = verdict.comparisons
    assert verdict.passed
    assert verdict.description == "there is no model in use to compare with"
    assert (row.value, row.value_in_use, row.difference, row.lost) == (0.7, None, None, False)


def test_a_loss_beyond_the_interval_on_one_corpus_stops_a_model_that_gains_on_another():
    verdict = compare(
        {BC2GM: BETTER, ("linnaeus", "species"): WORSE},
        {BC2GM: WORSE, ("linnaeus", "species"): BETTER},
    )

    assert not verdict.passed
    assert [row.lost for row in verdict.comparisons] == [False, True]
    assert verdict.description == ("F1 lost beyond the paired interval: linnaeus species (-10.0)")


def test_a_loss_that_may_be_chance_stops_nothing():
    verdict = compare({BC2GM: A_LITTLE_WORSE}, {BC2GM: BETTER})

    (row,) = verdict.comparisons
    assert row.difference is not None
    assert row.difference.low < row.difference.value < 0
    assert row.difference.high == 0.0
    assert verdict.passed
    assert verdict.description == "no F1 lost beyond the paired interval on 1 rows"


def test_a_loss_on_a_corpus_by_which_nothing_may_be_chosen_is_reported_and_stops_nothing():
    verdict = compare({GELLUS: WORSE}, {GELLUS: BETTER})

    assert verdict.comparisons[0].lost
    assert verdict.passed
    assert not compare({GELLUS: WORSE}, {GELLUS: BETTER}, only_reported=()).passed


def test_a_class_of_a_corpus_may_be_only_reported_and_a_measure_has_its_name():
    craft = {("craft", "species"): WORSE, ("craft", "process"): BETTER}
    before = dict.fromkeys(craft, BETTER)

    verdict = compare(craft, before, measure="accuracy at 1", only_reported={("craft", "species")})

    assert [(row.lost, row.counts) for row in verdict.comparisons] == [(True, False), (False, True)]
    assert verdict.description == "no accuracy at 1 lost beyond the paired interval on 2 rows"
    assert verdict.to_markdown().startswith("| corpus | class | accuracy at 1 | in use |")
    assert "| lost (only reported) |" in verdict.to_markdown()


def test_a_corpus_that_is_new_is_compared_with_nothing():
    verdict = compare({BC2GM: BETTER, GELLUS: WORSE}, {BC2GM: BETTER})

    assert [row.difference for row in verdict.comparisons] == [(0.0, 0.0, 0.0), None]


def test_a_corpus_that_was_left_out_is_no_way_past_the_gate():
    with pytest.raises(ValueError, match="the candidate was not measured on gellus cell_line,"):
        compare({BC2GM: BETTER}, {BC2GM: BETTER, GELLUS: BETTER})


def test_another_gold_is_refused_with_its_name():
    with pytest.raises(ValueError, match="BC2GM gene: a paired difference needs two counts on the"):
        compare({BC2GM: counts((1, 1, 1))}, {BC2GM: counts((1, 1, 2))})


def test_the_report_is_a_table_in_percent():
    verdict = compare({BC2GM: WORSE, GELLUS: WORSE}, {BC2GM: BETTER})

    assert verdict.to_markdown().split("\n") == [
        "| corpus | class | F1 | in use | difference | low | high | |",
        "|---|---|---|---|---|---|---|---|",
        "| BC2GM | gene | 70.0 | 80.0 | -10.0 | -10.0 | -10.0 | lost |",
        "| gellus | cell_line | 70.0 | – | – | – | – | (only reported) |",
    ]
