"""Decoding: probabilities of words to entities, each class on its own, so entities may nest.

A word is inside an entity of a class if its probability of beginning or of continuing one reaches
the class's threshold. An entity begins where the word before is outside, whatever the word itself
says, and where beginning is both over the threshold and likelier than continuing. So a missed B
loses no entity, and a doubtful one tears none apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DECODING_VERSION: Final = "1"
Scheme = Literal["BIO", "IO"]
SCHEMES: Final = ("BIO", "IO")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Entities of some sentences: parallel arrays, ordered by first word, then class.

    Attributes:
        entity_class: Index into the classes. Shape: (n_entities,).
        first: First word.
        end: One past its last word.
        confidence: Mean over its words of the larger of the two probabilities.
    """

    entity_class: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    confidence: NDArray[np.float32]


def decode(
    probabilities: NDArray[np.float32],
    sentences: NDArray[np.int64],
    thresholds: Sequence[float],
    scheme: Scheme = "BIO",
) -> Decoded:
    """Find the entities of sentences.

    Args:
        probabilities: For each word B and I of the first class, of the second, ..., and O, which is
            not looked at. Shape: (n_words, 2 * n_classes + 1).
        sentences: First word of each sentence, and the number of words. Shape: (n_sentences + 1,).
        thresholds: That of each class.
        scheme: BIO, or IO, which looks at I alone: neighbours are one entity.

    >>> found = decode(
    ...     np.array([[0.9, 0.1, 0], [0.2, 0.7, 0]], np.float32), np.array([0, 2]), [0.5]
    ... )
    >>> found.first.tolist(), found.end.tolist(), found.confidence.round(2).tolist()
    ([0], [2], [0.800000011920929])
    """
    n_classes = len(thresholds)
    # Class by class, so that words of a class are neighbours and one pass serves all classes.
    begins, continues = (
        np.ascontiguousarray(probabilities[:, at : 2 * n_classes : 2].T) for at in (0, 1)
    )
    score = continues if scheme == "IO" else np.maximum(begins, continues)
    least = np.array(thresholds, np.float32)[:, None]
    inside = score >= least
    opens = np.zeros(score.shape[1] + 1, np.bool_)
    opens[sentences] = True
    start = inside.copy()
    start[:, 1:] &= ~inside[:, :-1] | opens[1:-1]
    if scheme == "BIO":
        start |= inside & (begins >= least) & (begins > continues)
    stop = inside.copy()
    stop[:, :-1] &= ~inside[:, 1:] | start[:, 1:]
    return _entities(score, inside, start, stop)


def _entities(
    score: NDArray[np.float32],
    inside: NDArray[np.bool_],
    start: NDArray[np.bool_],
    stop: NDArray[np.bool_],
) -> Decoded:
    first, last = np.flatnonzero(start), np.flatnonzero(stop)
    if not len(first):
        none = np.empty(0, np.int64)
        return Decoded(none, none, none, np.empty(0, np.float32))
    n_words = score.shape[1]
    # What is outside counts 0, so an entity may be summed up to the next one's begin.
    sums = np.add.reduceat(np.where(inside, score, 0).ravel().astype(np.float64), first)
    confidence = (sums / (last - first + 1)).astype(np.float32)
    entity_class, word = np.divmod(first, n_words)
    order = np.lexsort((entity_class, word))
    word, end = word[order], (last % n_words + 1)[order]
    return Decoded(entity_class[order], word, end, confidence[order])
