"""Laws of the text room, for any Unicode and for the pieces that its rules are made of."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.tables import ENTITY_CLASSES
from kazu_platform.text import spellings
from kazu_platform.text.abbreviations import abbreviations
from kazu_platform.text.normalise import (
    _any_words,
    _plain_words,
    _rules_of,
    normalise,
    normalise_column,
)
from kazu_platform.text.sentences import LONGEST, sentence_spans

CLASSES = st.sampled_from(ENTITY_CLASSES)
WORD_LISTS = (
    spellings.GREEK,
    spellings.LETTERS,
    spellings.BRITISH,
    spellings.PLURALS,
    spellings.MEDICAL_PLURALS,
    spellings.GENE_PLURALS,
    spellings.ROMAN_ANYWHERE,
)
PIECES = sorted({side.strip() for each in WORD_LISTS for pair in each.items() for side in pair})
SIGNS = [
    *"-/ '´’+&±²⁺ⅧßéİΣſﬁ12soahié",
    "(+)",
    "(-)",
    "'s",
    "es",
    "ise",
    " cells",
    " line",
    "\u0301",
]
NAMES = st.one_of(
    st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(SIGNS)), max_size=7).map("".join),
    st.text(),
)
ASCII = st.one_of(
    st.sampled_from("ab AB12 +-'`&()_, "), st.characters(min_codepoint=0x20, max_codepoint=0x7E)
)
PROSE = st.one_of(
    st.lists(
        st.sampled_from(
            [
                *"abAB.()[];:,?\n 1α-İ",
                "E. coli",
                " (TNF-α) ",
                "tumour necrosis factor ",
                "et al. ",
                ". The ",
                "i.p. ",
                " 2. ",
                "\u2003",
                "x" * 3_000,
            ]
        ),
        max_size=40,
    ).map("".join),
    st.text(),
)


@given(NAMES, CLASSES)
def test_normalising_twice_is_normalising_once(name: str, entity_class: str):
    once = normalise(name, entity_class)

    assert normalise(once, entity_class) == once


@given(st.lists(st.one_of(NAMES, st.none()), max_size=8), CLASSES)
def test_a_column_is_normalised_as_its_strings_are(names: list[str | None], entity_class: str):
    column = normalise_column(pa.array(names, pa.string()), entity_class)

    assert column.to_pylist() == [
        None if name is None else normalise(name, entity_class) for name in names
    ]


@given(st.lists(st.text(ASCII, max_size=40), min_size=1, max_size=8), CLASSES)
def test_ascii_names_become_the_words_that_any_names_do(names: list[str], entity_class: str):
    column, rules = pl.Series(names), _rules_of(entity_class)

    assert _plain_words(column, rules).to_list() == _any_words(column, rules).to_list()


@given(NAMES, CLASSES)
def test_a_name_with_anything_in_it_keeps_something(name: str, entity_class: str):
    assert bool(normalise(name, entity_class)) == bool(name.strip())


@given(PROSE)
def test_sentences_hold_every_character_that_is_no_blank_once(text: str):
    spans = sentence_spans(text)

    covered = "".join("".join(text[start:end].split()) for start, end in spans)
    assert covered == "".join(text.split())
    assert [start for start, _ in spans] == sorted({start for start, _ in spans})


@given(PROSE)
def test_a_sentence_begins_and_ends_with_a_character_and_has_a_longest_length(text: str):
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        assert sentence
        assert sentence == sentence.strip()
        assert len(sentence) <= LONGEST


@given(PROSE)
def test_short_and_long_forms_are_stretches_of_the_text_that_do_not_touch(text: str):
    for pair in abbreviations(text):
        assert 0 <= pair.short.start < pair.short.end <= len(text)
        assert 0 <= pair.long.start < pair.long.end <= len(text)
        assert pair.short.end < pair.long.start or pair.long.end < pair.short.start
        assert 2 <= pair.short.end - pair.short.start <= 10
