"""Making scores say how often they are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kazu_platform.linking.ranking import SAME, log_odds
from kazu_platform.training.calibrating import Firsts, scales

if TYPE_CHECKING:
    from collections.abc import Callable

N = 4_000


def firsts(
    probable: float | np.ndarray, share: float | np.ndarray, *, named: bool = True, n: int = N
) -> Firsts:
    """So many mentions whose first candidate is as probable, and right in that share."""
    chance = np.random.default_rng(7).random(n)
    return Firsts(
        mention=np.arange(n),
        odds=log_odds(np.broadcast_to(probable, n)),
        is_named=np.full(n, named),
        right=chance < share,
        weight=np.full(n, 1 / n),
    )


def said(scale: tuple[float, float]) -> Callable[[float], float]:
    slope, shift = scale
    return lambda probable: float(
        1 / (1 + np.exp(-(log_odds(np.array([probable])) * slope + shift)[0]))
    )


def test_scores_that_are_right_stay():
    probable = np.linspace(0.05, 0.95, N)

    named, alike = scales([firsts(probable, probable)])

    assert named == pytest.approx(SAME, abs=0.1)
    assert alike == SAME


def test_equal_names_and_others_are_told_apart():
    probable = np.linspace(0.2, 0.9, N)
    modest, sure = firsts(probable, probable**0.5), firsts(probable, probable**2, named=False)

    named, alike = (said(scale) for scale in scales([modest, sure]))

    for each in (0.3, 0.5, 0.8):
        assert named(each) == pytest.approx(each**0.5, abs=0.04)
        assert alike(each) == pytest.approx(each**2, abs=0.06)


def test_a_large_corpus_does_not_decide_alone():
    large, small = firsts(0.5, 0.9), firsts(0.5, 0.3, n=N // 10)

    together = said(scales([large, small])[0])(0.5)

    assert together == pytest.approx((0.9 + 0.3) / 2, abs=0.05)


def test_what_one_identifier_means_counts_together():
    """Two concepts of one identifier that is right in four of five: 0.4 each is what they are."""
    mention = np.repeat(np.arange(N), 2)
    both = Firsts(
        mention=mention,
        odds=log_odds(np.full(2 * N, 0.2)),
        is_named=np.ones(2 * N, bool),
        right=np.random.default_rng(7).random(N) < 0.8,
        weight=np.full(N, 1 / N),
    )

    assert said(scales([both])[0])(0.2) == pytest.approx(0.4, abs=0.02)
