"""Columns of strings fold as single ones do."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.text.fold import fold_name
from kazu_platform.text.fold_column import fold_names

NAMES = st.lists(
    st.text(st.characters(codec="utf-8") | st.sampled_from("İıßẞΣςµ‑–’″\"`' \t\n\u00a0\u0301αA~!"))
)


@given(NAMES)
def test_a_column_folds_as_its_names_do(names: list[str]):
    column = pl.Series(names, dtype=pl.String)

    assert fold_names(column).to_list() == [*map(fold_name, names)]
    assert fold_names(column, keep_case=True).to_list() == [
        fold_name(name, keep_case=True) for name in names
    ]


def test_a_column_longer_than_a_part_is_whole():
    names = pl.Series(["TNF‑α", "", "İL-2", "BRCA1", "  p53 "])

    parts = fold_names(names, at_once=2)

    assert parts.to_list() == ["tnf-α", "", "İl-2", "brca1", "p53"]
