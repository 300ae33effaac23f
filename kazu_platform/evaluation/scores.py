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
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kazu_platform.evaluation.entities import Entities, Integers

    Numbers = NDArray[np.int64] | NDArray[np.float64]

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


@dataclass(frozen=True, slots=True)
class LooseCounts:
    """Entities in each unit where it is enough to overlap: parallel arrays.

    `right` ones were found and overlap some of the gold; `reached` ones are of the gold and overlap
    some that was found. One may meet several, so the two differ.
    """

    right: Integers
    found: Integers
    reached: Integers
    gold: Integers


@dataclass(frozen=True, slots=True)
class LooseScore:
    """How well what was found meets the gold where it is enough to overlap.

    Precision is the share of what was found that is right, recall the share of the gold that is
    reached, F1 their harmonic mean.
    """

    precision: Figure
    recall: Figure
    f1: Figure
    n_gold: int
    n_found: int
    n_right: int
    n_reached: int


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


def overlaps(these: Entities, those: Entities) -> NDArray[np.bool_]:
    """Which of these entities share a character with any of those.

    >>> from kazu_platform.evaluation.entities import Entities
    >>> cancer = Entities(np.array([0, 0]), np.array([7, 20]), np.array([13, 26]))
    >>> colon_cancer = Entities(np.array([0]), np.array([1]), np.array([13]))
    >>> overlaps(cancer, colon_cancer).tolist()
    [True, False]
    """
    width = 1 + max(int(each.end.max(initial=0)) for each in (these, those))
    starts, ends = (np.sort(those.document * width + place) for place in (those.start, those.end))
    begun = np.searchsorted(starts, these.document * width + these.end, side="left")
    # What ended by then had begun as well: of what is left, each shares a character.
    over = np.searchsorted(ends, these.document * width + these.start, side="right")
    return begun > over


def count_loosely(
    found: Entities, gold: Entities, units: tuple[Integers, Integers], n: int
) -> LooseCounts:
    """Count the entities in each unit that overlap; the arguments are those of `count`."""
    of_found, of_gold = units
    return LooseCounts(
        right=np.bincount(of_found[overlaps(found, gold)], minlength=n),
        found=np.bincount(of_found, minlength=n),
        reached=np.bincount(of_gold[overlaps(gold, found)], minlength=n),
        gold=np.bincount(of_gold, minlength=n),
    )


def score(counts: Counts) -> Score:
    """Precision, recall and F1 over all units; what divides by nothing is 0, as in seqeval."""
    rows = np.stack([counts.correct, counts.found, counts.gold], axis=1)
    n_correct, n_found, n_gold = rows.sum(axis=0).tolist()
    precision, recall, f1 = _figures(rows, _ratios)
    return Score(precision, recall, f1, n_gold, n_found, n_correct, len(counts))


def score_loosely(counts: LooseCounts) -> LooseScore:
    """Precision, recall and F1 over all units; what divides by nothing is 0."""
    rows = np.stack([counts.right, counts.found, counts.reached, counts.gold], axis=1)
    n_right, n_found, n_reached, n_gold = rows.sum(axis=0).tolist()
    precision, recall, f1 = _figures(rows, _loose_ratios)
    return LooseScore(precision, recall, f1, n_gold, n_found, n_right, n_reached)


def share(part: Integers, whole: Integers) -> Figure:
    """The share of some entities in all, over all units; both are counted in each unit."""
    (figure,) = _figures(np.stack([part, whole], axis=1), lambda totals: (_divided(*totals.T),))
    return figure


def figure_of(
    rows: NDArray[np.float64], figure: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Figure:
    """A figure of the totals of all units, and its interval.

    Args:
        rows: What each unit adds. Shape: (units, columns).
        figure: Makes a figure of each row of totals. Shapes: (rows, columns) to (rows,).
    """
    n = len(rows)
    times = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    value = figure(rows.sum(axis=0)[np.newaxis])
    return Figure(float(value[0]), *_interval(figure(times.astype(np.float64) @ rows)))


def paired_difference(a: Counts, b: Counts) -> Figure:
    """F1 of a less F1 of b, both drawn on the same resamples of the same gold.

    An interval without 0 says that the two differ by more than the choice of texts explains.

    Raises:
        ValueError: they were not counted on the same gold.
    """
    if not np.array_equal(a.gold, b.gold):
        raise ValueError("a paired difference needs two counts on the same gold")
    rows = np.stack([a.correct, a.found, a.gold, b.correct, b.found, b.gold], axis=1)
    (figure,) = _figures(
        rows, lambda totals: (_ratios(totals[:, :3])[2] - _ratios(totals[:, 3:])[2],)
    )
    return figure


def _figures(
    rows: Integers, ratios: Callable[[Integers], tuple[NDArray[np.float64], ...]]
) -> tuple[Figure, ...]:
    """What ratios make of the totals of all rows, with what resamples of the rows make of it."""
    totals = rows.sum(axis=0)[np.newaxis]
    return tuple(
        Figure(float(value[0]), *_interval(resampled))
        for value, resampled in zip(ratios(totals), ratios(_resampled(rows)), strict=True)
    )


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


def _loose_ratios(totals: Integers) -> tuple[NDArray[np.float64], ...]:
    """Precision, recall and F1 of rows of (right, found, reached, gold)."""
    right, found, reached, gold = totals.T
    precision, recall = _divided(right, found), _divided(reached, gold)
    return precision, recall, _divided(2 * precision * recall, precision + recall)


def _divided(part: Numbers, whole: Numbers) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(resampled, _TAILS).tolist()
    return low, high
