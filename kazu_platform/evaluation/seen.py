"""Recall on what a train split shows and on what it does not.

A model may have learnt a string by heart. What it makes of strings that it never saw says more
about the texts that it will read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.evaluation.scores import Figure, is_in, share
from kazu_platform.evaluation.units import n_units, units_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from kazu_platform.evaluation.entities import Entities, Gold


@dataclass(frozen=True, slots=True)
class SeenRecall:
    """Strict recall on entities whose string was seen and on the others; None where none are."""

    seen: Figure | None
    unseen: Figure | None
    n_seen: int
    n_unseen: int


def strings_of(gold: Gold, entities: Entities) -> frozenset[str]:
    """The strings of some entities, in whatever case."""
    return frozenset(text.casefold() for text in entities.texts(gold.passages))


def recall_by_seen(
    gold: Gold, marked: Entities, found: Entities, known: AbstractSet[str]
) -> SeenRecall:
    """Recall on the two kinds of entities apart.

    Args:
        gold: What people marked.
        marked: Its entities of one class.
        found: The entities of that class that were found; both ends must be equal.
        known: `strings_of` the train split.
    """
    correct = is_in(marked, found)
    is_known = np.array(
        [text.casefold() in known for text in marked.texts(gold.passages)], np.bool_
    )
    units, n = units_of(gold, marked), n_units(gold)

    def recall(these: NDArray[np.bool_]) -> Figure | None:
        if not these.any():
            return None
        return share(
            np.bincount(units[these & correct], minlength=n), np.bincount(units[these], minlength=n)
        )

    n_seen = int(is_known.sum())
    return SeenRecall(recall(is_known), recall(~is_known), n_seen, len(marked) - n_seen)
