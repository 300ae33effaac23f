"""Folding keeps every offset: one code point becomes one code point."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.text.fold import (
    N_CODE_POINTS,
    code_points,
    fold,
    fold_code_points,
    fold_keep_case,
    fold_name,
    fold_table,
    is_word,
    word_table,
)

TEXTS = st.text(st.characters() | st.sampled_from("İıßẞſςΣσµμK‑–−’″ \t\x01\u0301"))


@given(TEXTS)
def test_folding_keeps_the_number_of_code_points(text: str):
    assert len(fold(text)) == len(fold_keep_case(text)) == len(text)


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str):
    assert fold(fold(text)) == fold(text)
    assert fold_keep_case(fold_keep_case(text)) == fold_keep_case(text)
    assert fold(fold_keep_case(text)) == fold(text)


@given(TEXTS)
def test_arrays_fold_as_strings_do(text: str):
    points = code_points(text)

    assert fold_code_points(points).tolist() == [ord(c) for c in fold(text)]
    assert fold_code_points(points, keep_case=True).tolist() == [
        ord(c) for c in fold_keep_case(text)
    ]


def test_every_code_point_folds_by_its_definition():
    table = fold_table()

    wrong: list[int] = []
    for point in range(N_CODE_POINTS):
        character = chr(point)
        folded = fold_keep_case(character)
        if folded == character:
            folded = character.casefold()
            folded = folded if len(folded) == 1 else character.lower()
            folded = folded if len(folded) == 1 else character
        if ord(folded) != table[point]:
            wrong.append(point)

    assert wrong == []
    assert np.array_equal(table[table], table)


def test_word_characters_are_letters_digits_and_combining_marks_after_folding():
    table = word_table()

    wrong = [
        point
        for point in range(N_CODE_POINTS)
        if table[point]
        != ((f := chr(fold_table()[point])).isalnum() or unicodedata.category(f)[0] == "M")
    ]

    assert wrong == []
    assert [is_word(c) for c in "aZ9αλ\u0301\u0345"] == [True] * 7
    assert [is_word(c) for c in " -_'’ʼ(+/·"] == [False] * 10


def test_white_space_becomes_a_blank():
    blanks = [chr(point) for point in range(N_CODE_POINTS) if chr(point).isspace()]

    assert {fold(blank) for blank in blanks} == {" "}
    assert fold("a\x00b\x01c\u200bd") == "a b c d"


def test_the_folds_that_biology_needs():
    assert fold("TNF‑Α") == fold("tnf-α") == "tnf-α"
    assert fold("µM") == fold("μm") == "μm"
    assert fold("Ὀδυσσεύς") == "ὀδυσσεύσ"
    assert fold("5′-UTR") == "5'-utr"
    assert fold("Alzheimer’s") == "alzheimer's"
    assert fold("Na\u2212K") == "na-k"
    assert fold("Straße") == "straße"
    assert fold("STRAẞE") == "straße"
    assert fold("İL-2") == "İl-2"
    assert fold("ﬁbroblast") == "ﬁbroblast"


def test_a_name_collapses_its_blanks():
    assert fold_name("\tBreast \n Cancer\u00a0") == "breast cancer"
    assert fold_name("\tBreast \n Cancer\u00a0", keep_case=True) == "Breast Cancer"
