"""Scores and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from kazu_platform.evaluation.scores import Counts, Figure, paired_difference, score


def counts(*units: tuple[int, int, int]) -> Counts:
    """Of (correct, found, gold) of each unit."""
    return Counts(*np.array(units, np.int64).reshape(-1, 3).T)


def test_figures_are_over_all_units():
    result = score(counts((3, 4, 5), (0, 1, 0), (1, 1, 3)))

    assert (result.n_correct, result.n_found, result.n_gold, result.n_units) == (4, 6, 8, 3)
    assert result.precision.value == pytest.approx(4 / 6)
    assert result.recall.value == pytest.approx(4 / 8)
    assert result.f1.value == pytest.approx(2 * 4 / (6 + 8))


@pytest.mark.parametrize("units", [[], [(0, 0, 0)], [(0, 3, 0)], [(0, 0, 3)]])
def test_nothing_correct_is_0(units: list[tuple[int, int, int]]):
    result = score(counts(*units))

    assert (result.precision, result.recall, result.f1) == (Figure(0.0, 0.0, 0.0),) * 3


def test_units_that_are_alike_leave_nothing_to_chance():
    result = score(counts(*[(1, 2, 4)] * 30))

    assert result.precision == Figure(0.5, 0.5, 0.5)
    assert result.recall == Figure(0.25, 0.25, 0.25)


def test_an_interval_is_that_of_a_binomial_where_each_unit_is_one_entity():
    """400 units, 80 % found: the normal approximation gives 0.8 ± 1.96 x 0.02."""
    result = score(counts(*[(1, 1, 1)] * 320, *[(0, 0, 1)] * 80))

    assert result.recall.low == pytest.approx(0.761, abs=0.004)
    assert result.recall.high == pytest.approx(0.839, abs=0.004)
    assert result.precision == Figure(1.0, 1.0, 1.0)


def test_an_interval_comes_out_the_same_every_time():
    units = counts(*[(1, 2, 2)] * 20, *[(2, 2, 3)] * 20, *[(0, 1, 1)] * 5)

    assert score(units) == score(units)
    assert score(units).f1.low < score(units).f1.value < score(units).f1.high


def test_the_difference_of_a_system_and_itself_is_0():
    units = counts((1, 2, 2), (0, 1, 3))

    assert paired_difference(units, units) == (0.0, 0.0, 0.0)


def test_a_small_gain_in_every_unit_is_seen_although_units_differ_much():
    """Both are drawn together: single intervals overlap, that of the difference is above 0."""
    before = counts(*[(1, 10, 10), (9, 10, 10)] * 20)
    after = counts(*[(2, 10, 10), (10, 10, 10)] * 20)

    difference, low, high = paired_difference(after, before)

    assert score(after).f1.low < score(before).f1.high
    assert difference == pytest.approx(0.1)
    assert (low, high) == (pytest.approx(0.1), pytest.approx(0.1))


def test_a_gain_in_few_units_may_be_chance():
    before = counts(*[(5, 10, 10)] * 30)
    after = counts(*[(5, 10, 10)] * 29, (6, 10, 10))

    difference, low, high = paired_difference(after, before)

    assert low == 0 < difference < high


def test_a_difference_needs_one_gold():
    with pytest.raises(ValueError, match="on the same gold"):
        paired_difference(counts((1, 1, 1)), counts((1, 1, 2)))
