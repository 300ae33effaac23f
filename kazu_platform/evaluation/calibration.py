"""Calibration: whether a score means what it says.

Of all first candidates with a score of about 0.8, eight in ten should be right. Scores are put into
ten bins of equal width; the expected calibration error is the mean difference between score and
share of right ones in a bin, weighed by how many fall into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from kazu_platform.evaluation.scores import Figure, figure_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

N_BINS: Final = 10
_WIDTH: Final = 40


class Bin(NamedTuple):
    """First candidates with a score from `low` to below `high`; the last bin holds 1 as well.

    `score` is their mean score, `right` the share that is right; None of an empty bin.
    """

    low: float
    high: float
    n: int
    score: float | None
    right: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The expected calibration error, None where nothing has a score, and its bins."""

    error: Figure | None
    bins: tuple[Bin, ...]


def calibrate(
    score: NDArray[np.float64], right: NDArray[np.bool_], unit: NDArray[np.int64], n_units: int
) -> Calibration:
    """Compare scores with what is right.

    Args:
        score: Between 0 and 1, for each mention with a candidate.
        right: Whether that candidate is right.
        unit: What a resample draws, for each mention.
        n_units: How many units there are.

    >>> score, right = np.array([0.75, 0.75, 0.25, 0.25]), np.array([True, True, False, True])
    >>> calibration = calibrate(score, right, np.arange(4), 4)
    >>> round(calibration.error.value, 3), calibration.bins[7]
    (0.25, Bin(low=0.7, high=0.8, n=2, score=0.75, right=1.0))
    """
    place = unit * N_BINS + np.minimum((score * N_BINS).astype(np.int64), N_BINS - 1)
    rows = np.stack(
        [
            np.bincount(place, weights=values, minlength=n_units * N_BINS).reshape(-1, N_BINS)
            for values in (np.ones(len(score)), score, right.astype(np.float64))
        ],
        axis=1,
    ).astype(np.float64)
    n, scores, rights = rows.sum(axis=0)
    bins = tuple(
        Bin(
            number / N_BINS,
            (number + 1) / N_BINS,
            int(n[number]),
            float(scores[number] / n[number]) if n[number] else None,
            float(rights[number] / n[number]) if n[number] else None,
        )
        for number in range(N_BINS)
    )
    drawn = rows[rows[:, 0].any(axis=1)].reshape(-1, 3 * N_BINS)
    error = figure_of(drawn, _error) if len(score) else None
    return Calibration(error, bins)


def reliability_plot(bins: Sequence[Bin]) -> str:
    """A reliability diagram as Markdown: a row for each bin that is not empty.

    Bars show the share of right ones, and the sign where the bar would end if scores were true.

    >>> print(reliability_plot([Bin(0.7, 0.8, 2, 0.75, 0.5)]))
    | score | | n | right | |
    | :-- | --: | --: | --: | :-- |
    | 0.7-0.8 | 0.75 | 2 | 0.50 | ████████████████████░░░░░░░░░│ |
    """
    lines = ["| score | | n | right | |", "| :-- | --: | --: | --: | :-- |"]
    lines += [
        f"| {each.low:.1f}-{each.high:.1f} | {each.score:.2f} | {each.n:,} | {each.right:.2f} "
        f"| {_bar(each.right, each.score)} |"
        for each in bins
        if each.score is not None and each.right is not None
    ]
    return "\n".join(lines)


def _bar(right: float, score: float) -> str:
    filled, mark = round(right * _WIDTH), max(round(score * _WIDTH), 1)
    bar = "█" * filled + "░" * max(mark - filled, 0)
    return bar[: mark - 1] + "│" + bar[mark:]


def _error(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of rows of n, scores and rights of all bins; the bins' weights cancel their sizes."""
    n, scores, rights = np.moveaxis(totals.reshape(len(totals), 3, N_BINS), 1, 0)
    whole = n.sum(axis=1)
    differences = np.abs(scores - rights).sum(axis=1)
    return np.divide(differences, whole, out=np.zeros(len(whole)), where=whole > 0)
