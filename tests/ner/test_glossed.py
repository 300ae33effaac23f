"""Common names that documents gloss with a scientific one."""

from __future__ import annotations

import pytest

from tests.ner.documents import found_in, mention, texts_of

BIRD = "Turdus torquatus"


def common_names(text: str, scientific: str = BIRD) -> list[str]:
    found = found_in([text], [mention(scientific)])
    return [row["text"] for row in found.to_pylist() if row["detector"] == "common_name"]


def test_a_common_name_before_a_scientific_one_is_a_species_everywhere():
    text = "Ring  ouzels sing. The ring ouzel (Turdus torquatus) is shy, and ring ouzels hide."

    assert common_names(text) == ["Ring  ouzels", "ring ouzel", "ring ouzels"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("on the ring ouzel, Turdus torquatus, we", ["ring ouzel"]),
        ("diet of declining red-backed shrike (Turdus torquatus)", ["red-backed shrike"]),
        ("of the invasive weed Mexican palo verde (Turdus torquatus)", ["Mexican palo verde"]),
        ("tissue of the garter snake (T. torquatus)", ["garter snake"]),
    ],
)
def test_it_begins_behind_a_word_that_no_name_begins_with(text: str, name: list[str]):
    assert common_names(text, "T. torquatus" if "T. t" in text else BIRD) == name


@pytest.mark.parametrize(
    "text",
    [
        "Likewise, Turdus torquatus sings.",
        "ouzel (Turdus torquatus)",
        "the ouzel (Turdus torquatus)",
        "a widespread bird species (Turdus torquatus)",
        "As a positive control, Turdus torquatus was",
        "the oxygen environment, Turdus torquatus cells",
        "the shy and seldom wholly silent mountain ouzel (Turdus torquatus)",
        "the benthic dinoflagellate Turdus torquatus",
        "of true circulating BLyS levels (Turdus torquatus)",
    ],
)
def test_other_words_before_a_scientific_name_are_none(text: str):
    assert common_names(text) == []


def test_only_a_species_glosses():
    found = found_in(["the iron lung (Turdus torquatus)"], [mention(BIRD, entity_class="disease")])

    assert texts_of(found) == [BIRD]
