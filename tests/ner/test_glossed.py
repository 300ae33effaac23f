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
        (
            "of the invasive weed Mexican prickly poppy (Turdus torquatus)",
            ["Mexican prickly poppy"],
        ),
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


@pytest.mark.parametrize(
    ("text", "scientific"),
    [
        ("In the present study (Rattus norvegicus) we", "Rattus norvegicus"),
        ("in the early stage (Plasmodium falciparum)", "Plasmodium falciparum"),
        ("an opportunistic infection (Pneumocystis jirovecii)", "Pneumocystis jirovecii"),
        ("of the sleeping sickness (Trypanosoma brucei)", "Trypanosoma brucei"),
        ("in African trypanosomiasis (Trypanosoma brucei)", "Trypanosoma brucei"),
        ("of adult human skin (Homo sapiens)", "Homo sapiens"),
        ("of a fecal coliform (Escherichia coli)", "Escherichia coli"),
        ("the whole genome (Mus musculus)", "Mus musculus"),
        ("with the older patients (Homo sapiens)", "Homo sapiens"),
    ],
)
def test_what_is_no_organism_is_none(text: str, scientific: str):
    assert common_names(text, scientific) == []


@pytest.mark.parametrize(
    ("text", "scientific", "names"),
    [
        ("the house mouse (Mus musculus)", "Mus musculus", ["house mouse"]),
        ("of feral pigs (Sus scrofa) and a feral pig", "Sus scrofa", ["feral pigs", "feral pig"]),
        ("of zebu cattle (Bos taurus)", "Bos taurus", ["zebu cattle"]),
        ("of sweet corn (Zea mays)", "Zea mays", ["sweet corn"]),
        ("of red fire ants (Solenopsis invicta)", "Solenopsis invicta", ["red fire ants"]),
        (
            "of orchard fruit flies (Ceratitis capitata)",
            "Ceratitis capitata",
            ["orchard fruit flies"],
        ),
    ],
)
def test_a_genus_of_three_letters_and_common_words_for_kinds_gloss(
    text: str, scientific: str, names: list[str]
):
    assert common_names(text, scientific) == names


def test_only_a_species_glosses():
    found = found_in(["the iron lung (Turdus torquatus)"], [mention(BIRD, entity_class="disease")])

    assert texts_of(found) == [BIRD]
