"""Scores: precision, recall and F1 with the interval that a bootstrap gives them.

A resample draws as many units (documents, or sentences) as there are, with replacement. Units with
equal counts are alike, so only how often each distinct row of counts is drawn has to be known: the
draws are multinomial, and 1,000 resamples of 10,000 units cost milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kazu_platform.evaluation.entities import Entities, Integers

RESAMPLES = 1_000
SEED = 20_240_229
_TAILS = (2.5, 97.5)


class Figure(NamedTuple):
    """A figure and the borders of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Entities in each unit: parallel arrays. Correct ones are both in the gold and found."""

    correct: Integers
    found: Integers
    gold: Integers

    def __len__(self) -> int:
        """How many units there are."""
        return len(self.gold)


@dataclass(frozen=True, slots=True)
class Score:
    """How well the entities that were found agree with the gold."""

    precision: Figure
    recall: Figure
    f1: Figure
    n_gold: int
    n_found: int
    n_correct: int
    n_units: int


def is_in(these: Entities, those: Entities) -> NDArray[np.bool_]:
    """Which of these entities are among those: same document, start and end."""
    width = 1 + max(int(each.end.max(initial=0)) for each in (these, those))
    keys = [(each.document * width + each.start) * width + each.end for each in (these, those)]
    return np.isin(keys[0], keys[1])


def count(found: Entities, gold: Entities, units: tuple[Integers, Integers], n: int) -> Counts:
    """Count the entities in each unit.

    Args:
        found: What a detector found, each once.
        gold: What people marked, each once.
        units: The unit of each that was found, and of each of the gold.
        n: How many units there are.
    """
    of_found, of_gold = units
    return Counts(
        correct=np.bincount(of_found[is_in(found, gold)], minlength=n),
        found=np.bincount(of_found, minlength=n),
        gold=np.bincount(of_gold, minlength=n),
    )


def score(counts: Counts) -> Score:
    """Precision, recall and F1 over all units; what divides by nothing is 0, as in seqeval."""
    rows = np.stack([counts.correct, counts.found, counts.gold], axis=1)
    totals = rows.sum(axis=0)
    precision, recall, f1 = (
        Figure(float(value[0]), *_interval(resampled))
        for value, resampled in zip(
            _ratios(totals[np.newaxis]), _ratios(_resampled(rows)), strict=True
        )
    )
    n_correct, n_found, n_gold = totals.tolist()
    return Score(precision, recall, f1, n_gold, n_found, n_correct, len(counts))


def paired_difference(a: Counts, b: Counts) -> Figure:
    """F1 of a less F1 of b, both drawn on the same resamples of the same gold.

    An interval without 0 says that the two differ by more than the choice of texts explains.

    Raises:
        ValueError: they were not counted on the same gold.
    """
    if not np.array_equal(a.gold, b.gold):
        raise ValueError("a paired difference needs two counts on the same gold")
    rows = np.stack([a.correct, a.found, a.gold, b.correct, b.found, b.gold], axis=1)
    totals, resampled = rows.sum(axis=0)[np.newaxis], _resampled(rows)
    value = _ratios(totals[:, :3])[2] - _ratios(totals[:, 3:])[2]
    differences = _ratios(resampled[:, :3])[2] - _ratios(resampled[:, 3:])[2]
    return Figure(float(value[0]), *_interval(differences))


def _resampled(rows: Integers) -> Integers:
    """Totals of each resample. Shape: (RESAMPLES, columns of the rows)."""
    if not len(rows):
        return np.zeros((RESAMPLES, rows.shape[1]), np.int64)
    distinct, times = np.unique(rows, axis=0, return_counts=True)
    generator = np.random.default_rng(SEED)
    return generator.multinomial(len(rows), times / len(rows), size=RESAMPLES) @ distinct


def _ratios(totals: Integers) -> tuple[NDArray[np.float64], ...]:
    """Precision, recall and F1 of rows of (correct, found, gold)."""
    correct, found, gold = totals.T
    return (
        _divided(correct, found),
        _divided(correct, gold),
        _divided(2 * correct, found + gold),
    )


def _divided(part: Integers, whole: Integers) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(resampled, _TAILS).tolist()
    return low, high
