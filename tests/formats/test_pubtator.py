"""PubTator, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.documents import Document, Section
from kazu_platform.formats.pubtator import to_pubtator

if TYPE_CHECKING:
    from kazu_platform.documents import Mention


def test_mentions_are_lines_whose_offsets_count_through_title_and_abstract(
    document: Document, mentions: tuple[Mention, ...]
):
    contiguous = [mention for mention in mentions if len(mention.spans) == 1]

    written = to_pubtator(document, contiguous)

    assert written == (
        "7|t|BRCA1 <b>& breast\n"
        "7|a|Breast and ovarian cancer:  İ TNF-α.\n"
        "7\t0\t5\tBRCA1\tGene\tHGNC:1100\n"
        "7\t29\t43\tovarian cancer\tDisease\t-\n"
        "7\t29\t36\tovarian\tanatomy\t-\n"
        "7\t37\t43\tcancer\tDisease\t-\n"
        "7\t48\t53\tTNF-α\tGene\t-\n"
        "\n"
    )
    whole = "BRCA1 <b>& breast Breast and ovarian cancer:  İ TNF-α."
    for line in written.splitlines()[2:-1]:
        _, start, end, text, _, _ = line.split("\t")
        assert whole[int(start) : int(end)] == text


def test_a_discontinuous_mention_gets_its_outer_span_and_a_warning(
    document: Document, mentions: tuple[Mention, ...]
):
    with pytest.warns(UserWarning, match=r"PMID:7: .* 'Breast \.\.\. cancer'; its outer span"):
        written = to_pubtator(document, [mentions[1]])

    assert written.splitlines()[2] == (
        "7\t18\t43\tBreast and ovarian cancer\tDisease\tMONDO:0007254"
    )


def test_what_ends_a_line_or_a_cell_becomes_a_blank():
    text = "a\nb\rc\td\x0be\x0cf\x1cg\x1dh\x1ei\x85j\u2028k\u2029l"

    written = to_pubtator(Document("own", (Section("title", text),)), ())

    assert written.splitlines() == ["own|t|a b c d e f g h i j k l", "own|a|", ""]


def test_a_document_without_sections_has_an_empty_title():
    assert to_pubtator(Document("own", ()), ()) == "own|t|\nown|a|\n\n"


def test_further_sections_are_the_abstract():
    sections = (Section("title", "A"), Section("METHODS", "B"), Section("RESULTS", "C"))

    assert to_pubtator(Document("own", sections), ()) == "own|t|A\nown|a|B C\n\n"
