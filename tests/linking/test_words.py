"""How strings are alike word by word, against sets of words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.linking.words import WORDS, words_alike

WORD = st.sampled_from(["type", "2", "b", "tumour", "été", "12", "ii", "𝛼"])
STRING = st.lists(WORD, min_size=1, max_size=4).map(" ".join)


def by_hand(string: str, name: str) -> list[float]:
    one, other = string.split(), name.split()
    common = set(one) & set(other)
    alone = [{word for word in each if word.isdigit() or len(word) == 1} for each in (one, other)]
    said = [
        len(common) / len(set(one) | set(other)),
        common == set(one),
        common == set(other),
        one[0] == other[0],
        one[-1] == other[-1],
        alone[0] == alone[1],
        min(len(string), len(name)) / max(len(string), len(name)),
    ]
    return [float(each) for each in said]


@given(st.lists(st.tuples(STRING, STRING), min_size=1, max_size=6))
def test_it_is_what_sets_of_words_say(pairs: list[tuple[str, str]]):
    strings = [each for pair in pairs for each in pair]
    rows = np.arange(len(strings)).reshape(-1, 2)

    found = words_alike(strings, (rows[:, 0], rows[:, 1]))

    assert found.shape == (len(pairs), len(WORDS))
    for row, pair in zip(found.tolist(), pairs, strict=True):
        assert row == pytest.approx(by_hand(*pair))


def test_no_pairs_are_no_rows():
    nothing = np.zeros(0, np.int64)

    assert words_alike([], (nothing, nothing)).shape == (0, len(WORDS))
