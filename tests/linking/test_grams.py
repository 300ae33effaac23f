"""Trigrams, against what one would write down by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.linking.grams import BUCKETS, products, trigrams, unit_rows

TEXT = st.text(st.sampled_from("abc 1é𝛼"), max_size=12)
EVEN = np.ones(BUCKETS, np.float32)


def by_hand(text: str) -> set[str]:
    words = (f" {word} " for word in text.split(" ") if word)
    return {word[at : at + 3] for word in words for at in range(len(word) - 2)}


@given(st.lists(TEXT, max_size=5))
def test_each_string_has_the_trigrams_of_its_padded_words(texts: list[str]):
    found = trigrams(texts)

    counts = np.bincount(found.row, minlength=len(texts)).tolist()
    assert counts == [len(by_hand(text)) for text in texts]


@given(st.lists(TEXT, min_size=1, max_size=4), st.lists(TEXT, min_size=1, max_size=4))
def test_cosines_are_those_of_the_sets(left: list[str], right: list[str]):
    pairs = [(i, j) for i in range(len(left)) for j in range(len(right))]
    rows = tuple(np.array(side) for side in zip(*pairs, strict=True))

    one, other = (unit_rows(trigrams(each), len(each), EVEN) for each in (left, right))
    found = products(one, other, (rows[0], rows[1]))

    for (i, j), cosine in zip(pairs, found.tolist(), strict=True):
        ones, others = by_hand(left[i]), by_hand(right[j])
        length = math.sqrt(len(ones) * len(others))
        expected = len(ones & others) / length if length else 0.0
        assert cosine == pytest.approx(expected, abs=1e-6)
