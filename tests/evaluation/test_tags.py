"""From mentions to tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import SchemaError
from kazu_platform.evaluation.tags import entities_of, found_tags, gold_tags, labels

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from kazu_platform.evaluation.entities import TokenGold

    Gold = Callable[..., TokenGold]
    Mentions = Callable[..., pa.Table]


def tagged(gold: TokenGold, found: pa.Table, entity_class: str = "gene") -> list[list[str]]:
    """First letters of the tags of each sentence."""
    tags = labels(gold, found_tags(gold, found, entity_class), entity_class)
    return [[tag[0] for tag in sentence] for sentence in tags]


def test_a_token_that_a_span_touches_belongs_to_it(iob: Gold, mentions: Mentions):
    """JNLPBA keeps IL-2 as one token; a mention may begin or end within."""
    gold = iob("the IL-2/B-gene receptor/I-gene gene")

    found = mentions(gold.passages, ("?#1", "2 recep", "gene"))

    assert tagged(gold, found) == [["O", "B", "I", "O"]]


def test_a_span_ends_where_the_blank_begins(iob: Gold, mentions: Mentions):
    gold = iob("TNF α rose")

    assert tagged(gold, mentions(gold.passages, ("?#1", [(0, 4)], "gene"))) == [["B", "O", "O"]]
    assert tagged(gold, mentions(gold.passages, ("?#1", [(3, 4)], "gene"))) == [["O", "O", "O"]]
    assert tagged(gold, mentions(gold.passages, ("?#1", [(3, 5)], "gene"))) == [["O", "B", "O"]]


def test_greek_letters_and_characters_of_the_second_plane_are_counted_as_one(
    iob: Gold, mentions: Mentions
):
    gold = iob("İ 𝒳 β catenin rose", "TNF α")

    found = mentions(
        gold.passages, ("?#1", "β catenin", "gene"), ("?#2", "α", "gene"), ("?#2", "TNF", "gene")
    )

    assert tagged(gold, found) == [["O", "O", "B", "I", "O"], ["B", "B"]]


def test_of_nested_spans_the_longest_wins(iob: Gold, mentions: Mentions):
    gold = iob("breast cancer 1 gene")

    found = mentions(
        gold.passages,
        ("?#1", "cancer", "gene"),
        ("?#1", "breast cancer", "gene"),
        ("?#1", "breast cancer 1", "gene"),
        ("?#1", "1", "gene"),
        ("?#1", "gene", "gene"),
    )

    assert tagged(gold, found) == [["B", "I", "I", "B"]]


def test_of_overlapping_spans_of_one_length_the_leftmost_wins(iob: Gold, mentions: Mentions):
    gold = iob("aa bb cc")

    found = mentions(gold.passages, ("?#1", "bb cc", "gene"), ("?#1", "aa bb", "gene"))

    assert tagged(gold, found) == [["B", "I", "O"]]


def test_spans_of_one_token_are_one_entity(iob: Gold, mentions: Mentions):
    gold = iob("BCR-ABL fused")

    found = mentions(gold.passages, ("?#1", "BCR", "gene"), ("?#1", "ABL", "gene"))

    assert tagged(gold, found) == [["B", "O"]]


def test_adjacent_mentions_are_two_entities(iob: Gold, mentions: Mentions):
    gold = iob("HeLa K562 cells")

    found = mentions(gold.passages, ("?#1", "HeLa", "cell_line"), ("?#1", "K562", "cell_line"))

    assert tagged(gold, found, "cell_line") == [["B", "B", "O"]]


def test_other_classes_leave_no_tag_and_take_no_place(iob: Gold, mentions: Mentions):
    gold = iob("insulin receptor rose")

    found = mentions(gold.passages, ("?#1", "insulin", "gene"), ("?#1", "insulin receptor", "x"))

    assert tagged(gold, found) == [["B", "O", "O"]]


def test_the_stretches_of_a_mention_count_each_on_its_own(iob: Gold, mentions: Mentions):
    gold = iob("breast and ovarian cancer")

    found = mentions(gold.passages, ("?#1", [(0, 6), (19, 25)], "disease"))

    assert tagged(gold, found, "disease") == [["B", "O", "O", "B"]]


def test_a_span_across_the_end_of_a_sentence_is_left_out(iob: Gold, mentions: Mentions):
    gold = iob(None, "in breast", "cancer rose")

    found = mentions(
        gold.passages, ("?#1", "breast\ncancer", "disease"), ("?#1", "rose", "disease")
    )

    assert tagged(gold, found, "disease") == [["O", "O"], ["O", "B"]]


def test_an_inside_that_follows_nothing_begins_an_entity(iob: Gold):
    """So does seqeval, unless it is told to be strict."""
    gold = iob("a/I-gene b c/I-gene d/I-dna e/I-gene", "f/I-gene g/I-gene h/B-gene")

    entities = entities_of(gold, gold_tags(gold, "gene"))

    assert entities.texts(gold.passages) == ["a", "c", "e", "f g", "h"]


def test_no_mentions_are_no_tags(iob: Gold, mentions: Mentions):
    assert tagged(iob("TNF"), mentions(iob("TNF").passages)) == [["O"]]
    assert tagged(iob(), mentions(iob().passages)) == []


def test_a_mention_of_another_corpus_is_refused(iob: Gold, mentions: Mentions):
    found = mentions(iob("TNF", "p53").passages, ("?#2", "p53", "gene"))

    with pytest.raises(SchemaError, match=r"mentions of \?#2, which is no document of corpus."):
        found_tags(iob("TNF"), found, "gene")
