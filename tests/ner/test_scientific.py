"""Species that documents name by the form of a scientific name."""

from __future__ import annotations

import pytest

from tests.ner.documents import found_in, mention, texts_of


@pytest.mark.parametrize(
    "text",
    [
        "Larkinella insperata was isolated.",
        "The ciliate Colpoda cucullus encysts.",
        "Marinobacterium coralli sp. nov., from a coral",
        "eaten by Tiaris bicolor and others",
        "Sequences of Larkinella\nbovis",
    ],
)
def test_a_genus_and_a_latin_epithet_are_a_species(text: str):
    (name,) = texts_of(found_in([text]))

    assert name in text
    assert len(name.split()) == 2


@pytest.mark.parametrize(
    "text",
    [
        "Preoperative chemoradiation was given.",
        "Oligonucleoside methylphosphonates bind.",
        "Squalene epoxidase and choline octanoate",
        "Stria vascularis and Erythema nodosum",
        "These species were common.",
        "Nitroblue tetrazolium was added.",
        "LARKINELLA INSPERATA, larkinella insperata",
        "anti-Larkinella insperata-like",
    ],
)
def test_words_of_chemistry_medicine_and_english_are_none(text: str):
    assert texts_of(found_in([text])) == []


@pytest.mark.parametrize(
    "name",
    [
        "Gluteus medius", "Gluteus minimus", "Vastus lateralis", "Peroneus longus",
        "Medulla oblongata", "Ligamentum flavum", "Corpora cavernosa", "Chiasma opticum",
        "Hydrops fetalis", "Talipes equinovarus", "Molluscum contagiosum",
        "Hyperemesis gravidarum", "Tabes dorsalis", "Incontinentia pigmenti", "Nevus sebaceus",
        "Facies leonina", "Coxa valga", "Radix astragali", "Fructus corni", "Herba epimedii",
        "Larkinella dorsalis",
    ],
)  # fmt: skip
def test_latin_of_medicine_is_no_species(name: str):
    assert texts_of(found_in([f"The {name} was examined."])) == []


@pytest.mark.parametrize(
    "name",
    [
        "Larkinella insperata", "Colpoda cucullus", "Tiaris bicolor", "Chromera velia",
        "Cronartium quercuum", "Eimeria tenella", "Bactrocera oleae", "Karlodinium veneficum",
        "Anopheles gambiae", "Ixodes ricinus", "Leishmania donovani", "Taenia saginata",
        "Pleurotus ostreatus",
    ],
)  # fmt: skip
def test_names_of_species_are(name: str):
    assert texts_of(found_in([f"The {name} was examined."])) == [name]


def test_a_word_for_a_place_in_a_body_counts_behind_a_genus_of_the_document():
    text = "Bactrocera dorsalis and Bactrocera oleae. Larkinella dorsalis. Tiaris ventralis"
    known = mention("Larkinella insperata", section=1)

    assert texts_of(found_in([text, "Larkinella insperata"], [known])) == [
        "Bactrocera dorsalis", "Bactrocera oleae", "Larkinella dorsalis", "Larkinella insperata",
    ]  # fmt: skip


def test_a_short_genus_counts_where_the_document_names_the_genus():
    text = "Chromera velia is a relative of parasites. C. velia and Ch. velia, but not P. velia."

    assert texts_of(found_in([text])) == ["Chromera velia", "C. velia", "Ch. velia"]


def test_the_genus_may_be_named_in_another_section_or_by_a_detector():
    sections = ["Growth of Larkinella insperata", "L. insperata and L. bovis grew; E. bovina not."]
    known = mention("Eimeria tenella", section=2)

    found = found_in([*sections, "Eimeria tenella"], [known])

    assert texts_of(found) == [
        "Larkinella insperata", "L. insperata", "L. bovis", "E. bovina", "Eimeria tenella",
    ]  # fmt: skip


def test_a_short_name_of_another_document_says_nothing():
    assert texts_of(found_in(["L. insperata grew."])) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Colpoda aspera pv. oryzae causes", "Colpoda aspera pv. oryzae"),
        ("Cronartium quercuum f. sp. fusiforme on", "Cronartium quercuum f. sp. fusiforme"),
        ("members of the Cronartium quercuum species complex", "quercuum species complex"),
        ("Cronartium quercuum serovar Typhimurium", "quercuum serovar Typhimurium"),
    ],
)
def test_a_part_of_a_species_and_a_complex_are_names_of_their_own(text: str, name: str):
    assert texts_of(found_in([text]))[-1].endswith(name)
    assert len(texts_of(found_in([text]))) == 2


def test_what_a_detector_found_is_left_alone():
    text = "Larkinella insperata"
    disease = mention(text, entity_class="disease")

    assert [row["entity_class"] for row in found_in([text], [disease]).to_pylist()] == ["disease"]


def test_a_mention_says_who_found_it():
    (row,) = found_in(["Larkinella insperata grew."]).to_pylist()

    assert (row["detector"], row["entity_class"], row["start"]) == ("scientific_name", "species", 0)
