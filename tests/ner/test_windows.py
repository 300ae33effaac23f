"""Windows: every word is decided once, where it has most context; nothing is over the limit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.ner.windows import windows_of

LIMIT = 8
SENTENCES = st.lists(st.lists(st.integers(1, LIMIT), max_size=40), max_size=6)
OVERLAPS = st.sampled_from([0.0, 0.25, 0.5, 0.9])


def laid(sentences: list[list[int]], overlap: float):
    """Windows over sentences, given by how many pieces each word has."""
    first = np.cumsum([0, *map(len, sentences)])
    pieces = np.cumsum([0, *(count for sentence in sentences for count in sentence)])
    return windows_of(first, pieces, LIMIT, overlap), first, pieces


def distance_from_a_cut(pieces: list[int], word: int, start: int, end: int) -> int:
    """Pieces between a word and the nearer cut of a window of its sentence."""
    left = sum(pieces[start:word]) if start else LIMIT
    right = sum(pieces[word + 1 : end]) if end < len(pieces) else LIMIT
    return min(left, right)


@given(SENTENCES, OVERLAPS)
def test_windows_cover_each_sentence_within_the_limit(sentences: list[list[int]], overlap: float):
    windows, first, pieces = laid(sentences, overlap)

    sentence = np.searchsorted(first, windows.first, side="right") - 1
    assert (windows.first < windows.end).all()
    assert (windows.end <= first[sentence + 1]).all()
    assert (pieces[windows.end] - pieces[windows.first] <= LIMIT).all()
    assert len(set(zip(windows.first.tolist(), windows.end.tolist(), strict=True))) == len(
        windows.first
    )


@given(SENTENCES, OVERLAPS)
def test_a_word_is_decided_once_where_it_stands_furthest_from_a_cut(
    sentences: list[list[int]], overlap: float
):
    windows, first, _ = laid(sentences, overlap)

    assert len(windows.decides) == first[-1]
    for sentence, (begin, end) in enumerate(pairwise(first.tolist())):
        for word in range(begin, end):
            distances = {
                number: distance_from_a_cut(
                    sentences[sentence], word - begin, start - begin, stop - begin
                )
                for number, (start, stop) in enumerate(zip(windows.first, windows.end, strict=True))
                if begin <= start <= word < stop <= end
            }
            assert distances[int(windows.decides[word])] == max(distances.values())


@given(SENTENCES)
def test_sentences_that_fit_are_one_window_each(sentences: list[list[int]]):
    short = [sentence[: LIMIT // max(sentence, default=1)] for sentence in sentences]

    windows, first, _ = laid(short, 0.25)

    assert len(windows.first) == sum(map(bool, short))
    assert (np.diff(windows.decides) <= 1).all()
    assert np.array_equal(windows.first, first[:-1][np.diff(first) > 0])


def test_a_long_sentence_is_read_with_overlap():
    windows, _, _ = laid([[1] * 20], 0.5)

    assert windows.first.tolist() == [0, 4, 8, 12]
    assert windows.end.tolist() == [8, 12, 16, 20]
    assert windows.decides.tolist() == [0] * 6 + [1] * 4 + [2] * 4 + [3] * 6
