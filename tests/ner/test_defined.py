"""Short forms that documents define, and long forms that say of what class they are."""

from __future__ import annotations

import pytest

from tests.ner.documents import found_in, mention, texts_of


def test_a_short_form_is_what_its_long_form_is():
    text = "breast cancer (BC) is common; BC is treated."

    found = found_in([text], [mention("breast cancer", entity_class="disease")])

    assert texts_of(found) == ["breast cancer", "BC", "BC"]
    assert set(found["entity_class"].to_pylist()) == {"disease"}


def test_a_virus_by_its_own_words_is_a_species_in_both_forms():
    text = "Infectious myonecrosis virus (IMNV) kills; infectious myonecrosis virus, or IMNV."

    found = found_in([text])

    assert texts_of(found) == [
        "Infectious myonecrosis virus", "IMNV", "infectious myonecrosis virus", "IMNV",
    ]  # fmt: skip
    assert set(found["entity_class"].to_pylist()) == {"species"}


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("coxsackievirus A16 (CA16)", "CA16"),
        ("sheep poxvirus (SPPV)", "SPPV"),
        ("porcine circovirus type 2 (PCV2)", "PCV2"),
    ],
)
def test_a_number_and_the_letter_of_virus_say_that_it_is_one(text: str, short: str):
    assert texts_of(found_in([text]))[1] == short


@pytest.mark.parametrize(
    "text",
    [
        "virus-like particles (VLPs)",
        "cytomegalovirus (CMV) promoter",
        "virus-induced gene silencing (VIGS)",
        "oncolytic viruses (OVs)",
        "recombinant adenovirus (rAdV)",
        "tumour necrosis factor (TNF)",
    ],
)
def test_what_is_made_of_viruses_is_none(text: str):
    assert texts_of(found_in([text])) == []
