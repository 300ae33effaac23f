"""What does not belong to a name falls off its borders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.ner.borders import trimmed


@pytest.mark.parametrize(
    ("marked", "kept"),
    [
        ("TNF-α", "TNF-α"),
        ("(TNF", "TNF"),
        ("TNF)", "TNF"),
        ("(TNF)", "(TNF)"),
        ("IL-2,", "IL-2"),
        ("(S)-warfarin", "(S)-warfarin"),
        ("poly(ADP-ribose)", "poly(ADP-ribose)"),
        ("poly(ADP-ribose", "poly(ADP-ribose"),
        (")-catenin", "catenin"),
        ("TNF) and (IL-2", "TNF) and (IL-2"),
        ("Ca2+", "Ca2+"),
        ("Streptomyces sp.", "Streptomyces sp."),
        ("-", ""),
        ("()", ""),
        (" EGFR ", "EGFR"),
    ],
)
def test_borders_move_past_what_does_not_belong(marked: str, kept: str):
    start, end = trimmed(f"x{marked}x", 1, 1 + len(marked))

    assert f"x{marked}x"[start:end] == kept


@given(st.text("aB1()[].,;- α", max_size=12))
def test_trimming_what_is_trimmed_changes_nothing(text: str):
    start, end = trimmed(text, 0, len(text))

    assert 0 <= start <= end <= len(text)
    assert trimmed(text, start, end) == (start, end)
