"""Examples of mistakes, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.evaluation.examples import AROUND, Example, examples, to_markdown
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import match_mentions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.evaluation.entities import TokenGold

    Gold = Callable[..., TokenGold]
    Mentions = Callable[..., pa.Table]


def test_each_string_stands_in_the_first_sentence_where_it_went_wrong(
    iob: Gold, mentions: Mentions
):
    gold = iob(None, "it rose", "so it was", None, "p53/B-gene was", "IL/B-gene 2/I-gene fell")

    found = mentions(
        gold.passages, ("?#1", "was", "gene"), ("?#2", "was", "gene"), ("?#1", "rose", "gene")
    )

    assert examples(gold, match_mentions(gold, found, "gene"), most=1) == [
        Example("found wrongly", "was", 2, "?#1", "so it was", 6, 9),
        Example("missed", "IL 2", 1, "?#2", "IL 2 fell", 0, 4),
    ]


def test_nothing_wrong_is_a_table_without_rows(iob: Gold, mentions: Mentions):
    gold = iob("p53/B-gene was")

    shown = examples(
        gold, match_mentions(gold, mentions(gold.passages, ("?#1", "p53", "gene")), "gene"), most=9
    )

    assert to_markdown(shown).count("\n") == 1


def test_signs_of_markdown_and_line_ends_do_no_harm():
    shown = [Example("missed", "a|b*", 1_234, "?#1", "<i>\n a|b* `x`", 5, 9)]

    row = to_markdown(shown).split("\n")[2]

    assert row == r"| missed | a\|b\* | 1,234 | ?\#1 | \<i\>  **a\|b\*** \`x\` |"


def test_of_a_long_sentence_what_is_near_is_shown():
    sentence = "x" * 500 + " p53 " + "y" * 500

    row = to_markdown([Example("missed", "p53", 1, "7", sentence, 501, 504)]).split("\n")[2]

    assert (
        row == f"| missed | p53 | 1 | 7 | … {'x' * (AROUND - 1)} **p53** {'y' * (AROUND - 1)} … |"
    )


def test_what_crosses_the_end_of_a_sentence_is_shown_whole(
    written: Callable[[str, str], Path], mentions: Mentions
):
    gold = read_gold(written("devel.PubTator", "7|t|TNF rose\n7|a|So did p53.\n"), "devel")

    found = mentions(gold.passages, ("7", "rose So", "gene"))

    (example,) = examples(gold, match_mentions(gold, found, "gene"), most=1)
    assert (example.sentence, example.start, example.end) == ("TNF rose So", 4, 11)
    assert example.sentence[example.start : example.end] == example.string
