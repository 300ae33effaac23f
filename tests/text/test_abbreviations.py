"""Abbreviations that a text defines itself."""

from __future__ import annotations

import re
from time import process_time
from typing import TYPE_CHECKING

import pytest

from kazu_platform.text.abbreviations import abbreviations

if TYPE_CHECKING:
    from pathlib import Path


def pairs(text: str) -> list[tuple[str, str]]:
    return [
        (text[pair.short.start : pair.short.end], text[pair.long.start : pair.long.end])
        for pair in abbreviations(text)
    ]


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("We treat chronic myeloid leukaemia (CML).", "CML", "chronic myeloid leukaemia"),
        ("CML (chronic myeloid leukaemia) is rare.", "CML", "chronic myeloid leukaemia"),
        ("The relative risk [RR] rose.", "RR", "relative risk"),
        ("tumour necrosis factor (TNF-α; p < 0.05)", "TNF-α", "tumour necrosis factor"),
        ("tumour necrosis factor alpha (TNF-α; p < 0.05)", "TNF-α", "tumour necrosis factor alpha"),
        ("In magnetic resonance imaging (MRI, 3 T) it", "MRI", "magnetic resonance imaging"),
        ("(the body mass index (BMI) was low)", "BMI", "body mass index"),
        ("It ended. Heat shock protein 90 (HSP90) rose", "HSP90", "Heat shock protein 90"),
        ("a; tyrosine kinase inhibitor ( TKI ) of", "TKI", "tyrosine kinase inhibitor"),
        ("β-galactosidase (β-gal)", "β-gal", "β-galactosidase"),
    ],
)
def test_a_definition_is_found(text: str, short: str, long: str):
    assert pairs(text) == [(short, long)]


@pytest.mark.parametrize(
    "text",
    [
        "It was given to mice (n = 12).",
        "It fell (P < 0.05) in rats (80 nmol).",
        "It fell (Smith et al., 1998).",
        "A kinase (see above) was lost.",
        "p53 (p53) is a gene.",
        "",
        "(",
        ")(",
        "(AB",
        "AB)",
    ],
)
def test_other_brackets_define_nothing(text: str):
    assert pairs(text) == []


def test_a_text_may_define_several():
    text = "Acute lymphoblastic leukaemia (ALL) and acute myeloid leukaemia (AML) differ."

    assert pairs(text) == [
        ("ALL", "Acute lymphoblastic leukaemia"),
        ("AML", "acute myeloid leukaemia"),
    ]


def test_a_long_form_does_not_reach_into_the_sentence_before():
    assert pairs("Many were chosen. Lost indeed (MCLI).") == []


@pytest.mark.parametrize("piece", ["(", "((a))", "[(", ";", "( "])
def test_a_megabyte_of_brackets_takes_a_moment(piece: str):
    assert _seconds_for(piece, 1_000_000) < 10


@pytest.mark.parametrize("piece", ["(aa)", "x (aa) ", "AA (aa ", "(;", "aa. A"])
def test_time_is_linear_in_any_text(piece: str):
    assert _seconds_for(piece, 200_000) < 10


def _seconds_for(piece: str, size: int) -> float:
    text = piece * (size // len(piece)) + " (ab)"
    start = process_time()
    abbreviations(text)
    return process_time() - start


def test_pairs_agree_with_those_that_people_marked(test_data: Path):
    """MED1250, first half: precision 94.2, recall 80.3 when the floors were set."""
    hits = found = gold = 0
    for text, marked in _med1250(test_data / "abbreviations" / "MED1250_first_half.txt"):
        wanted = {(short, " ".join(long.split())) for short, long in marked}
        got = {(short, " ".join(long.split())) for short, long in pairs(text)}
        hits += len(got & wanted)
        found += len(got)
        gold += len(wanted)

    assert gold == 447
    assert hits / found >= 0.93
    assert hits / gold >= 0.79


def _med1250(path: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    records: list[tuple[str, list[tuple[str, str]]]] = []
    for block in re.split(r"\n[ \t]*\n", path.read_text(encoding="utf-8")):
        lines = [line for line in block.split("\n")[1:] if not line.lstrip().startswith("//")]
        marked = [line for line in lines if line.startswith("  ") and "|" in line]
        text = "\n".join(line for line in lines if line not in marked)
        split = [line.strip().partition("|") for line in marked]
        records.append((text, [(short, long) for short, _, long in split]))
    return records
