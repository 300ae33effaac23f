"""From probabilities to entities: the arrays against a plain loop, and the cases that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kazu_platform.ner.decoding import SCHEMES, Scheme, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

THRESHOLDS = [0.5, 0.25]
TENTHS = st.integers(0, 10).map(lambda tenths: tenths / 10)


def word_by_word(
    sentence: NDArray[np.float32], threshold: float, scheme: Scheme
) -> Iterator[tuple[int, int, float]]:
    """First word, end and confidence of each entity of a class; columns are B and I."""
    entity: list[float] = []
    for word, (begins, continues) in enumerate(sentence.tolist()):
        score = continues if scheme == "IO" else max(begins, continues)
        inside = score >= threshold
        begins_here = scheme == "BIO" and begins >= threshold and begins > continues
        if entity and (not inside or begins_here):
            yield word - len(entity), word, sum(entity) / len(entity)
            entity = []
        if inside:
            entity.append(score)
    if entity:
        yield len(sentence) - len(entity), len(sentence), sum(entity) / len(entity)


@st.composite
def sentences(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    lengths = draw(st.lists(st.integers(0, 6), max_size=5))
    shape = (sum(lengths), 2 * len(THRESHOLDS) + 1)
    return draw(arrays(np.float32, shape, elements=TENTHS.map(np.float32))), np.cumsum(
        [0, *lengths]
    )


@given(sentences(), st.sampled_from(SCHEMES))
def test_arrays_find_what_a_loop_over_the_words_finds(
    given_: tuple[NDArray[np.float32], NDArray[np.int64]], scheme: Scheme
):
    probabilities, first = given_
    expected = sorted(
        (begin + start, number, begin + end, pytest.approx(confidence, abs=1e-6))
        for begin, stop in zip(first[:-1].tolist(), first[1:].tolist(), strict=True)
        for number, threshold in enumerate(np.array(THRESHOLDS, np.float32))
        for start, end, confidence in word_by_word(
            probabilities[begin:stop, 2 * number : 2 * number + 2], float(threshold), scheme
        )
    )

    found = decode(probabilities, first, THRESHOLDS, scheme)

    assert [
        *zip(
            found.first.tolist(),
            found.entity_class.tolist(),
            found.end.tolist(),
            found.confidence.tolist(),
            strict=True,
        )
    ] == expected


def spans(rows: list[list[float]], scheme: Scheme = "BIO") -> list[tuple[int, int]]:
    found = decode(
        np.array([[*row, 0.0] for row in rows], np.float32), np.array([0, len(rows)]), [0.5], scheme
    )
    return list(zip(found.first.tolist(), found.end.tolist(), strict=True))


def test_an_i_after_nothing_begins_an_entity():
    assert spans([[0.1, 0.1], [0.2, 0.9], [0.1, 0.8]]) == [(1, 3)]


def test_a_b_within_begins_another_one():
    assert spans([[0.9, 0.1], [0.9, 0.2], [0.1, 0.9]]) == [(0, 1), (1, 3)]


def test_a_b_that_is_less_likely_than_i_tears_nothing_apart():
    assert spans([[0.9, 0.1], [0.6, 0.7], [0.1, 0.9]]) == [(0, 3)]


def test_io_joins_neighbours():
    assert spans([[0.9, 0.6], [0.9, 0.6]], "IO") == [(0, 2)]


def test_classes_nest():
    """A cell line may hold a gene: "HER2+ SKBR3 cells"."""
    rows = np.array([[0.9, 0.1, 0.9, 0.1, 0], [0.1, 0.1, 0.1, 0.9, 0]], np.float32)

    found = decode(rows, np.array([0, 2]), [0.5, 0.5])

    assert found.entity_class.tolist() == [0, 1]
    assert (found.first.tolist(), found.end.tolist()) == ([0, 0], [1, 2])


def test_an_entity_never_crosses_sentences():
    rows = np.array([[0.9, 0.1, 0], [0.1, 0.9, 0]], np.float32)

    found = decode(rows, np.array([0, 1, 2]), [0.5])

    assert (found.first.tolist(), found.end.tolist()) == ([0, 1], [1, 2])
