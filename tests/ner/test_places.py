"""Names of a document, found in one walk: the same places as an expression for each of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.ner.places import NameSearch

WORDS = st.text("abAB1_-éÉµΜſsσς‑’.", min_size=1, max_size=3)
BLANKS = st.sampled_from([" ", "  ", "\n", "\u00a0 ", "\x00", "(", ")", ""])
NAMES = st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), max_size=5, unique=True)


def by_expressions(names: list[str], text: str) -> set[tuple[int, int, int]]:
    found: set[tuple[int, int, int]] = set()
    for row, name in enumerate(names):
        words = name.split()
        flags = re.IGNORECASE if len(words) > 1 else re.NOFLAG
        spelled = r"\s+".join(map(re.escape, words))
        matches = re.finditer(rf"(?<!\w){spelled}(?!\w)", text, flags)
        found |= {(row, match.start(), match.end()) for match in matches}
    return found


@given(NAMES, st.data())
def test_the_places_are_those_of_an_expression_for_each_name(names: list[str], data: st.DataObject):
    words = st.one_of(WORDS, *map(st.sampled_from, [name.split() for name in names]))
    pieces = data.draw(st.lists(st.tuples(words, BLANKS), max_size=12))
    text = "".join(word + blank for word, blank in pieces)

    assert set(NameSearch(names).in_(text)) == by_expressions(names, text)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("ring ouzel", "İ Ring \n OUZEL", ["Ring \n OUZEL"]),
        ("ring ouzel", "string ouzel, ring ouzels, ring_ouzel", []),
        ("red-backed shrike", "red\u2011backed shrike", []),
        ("a b a", "a b a b a", ["a b a"]),
        ("HCMV", "HCMV, hcmv, pHCMV", ["HCMV"]),
    ],
)
def test_a_phrase_may_have_another_case_and_a_symbol_may_not(
    name: str, text: str, found: list[str]
):
    assert [text[start:end] for _, start, end in NameSearch([name]).in_(text)] == found
