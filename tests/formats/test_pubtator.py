"""PubTator, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.pubtator import from_pubtator, to_pubtator

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
7|t|TNF-α in colon cancer.
7|a|Aspirin helps. Some | p53 rose.
7\t0\t5\tTNF-α\tgene\tNCBIGene:7124
7\t9\t21\tcolon cancer\tDisease\t-
7\t15\t21\tcancer\tDisease\tD009369
7\t45\t48\tp53\tSequenceVariant
7\tCID\tD001241\tD009369

own|t|HeLa
own|a|
"""


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


def test_a_file_is_documents_of_title_and_abstract_with_their_mentions():
    def mention(
        section: int, sentence: int, span: Span, text: str, kind: str, *links: Link
    ) -> Mention:
        return Mention(
            "PMID:7", section, sentence, (span,), text, kind, "pubtator", None, tuple(links)
        )

    assert from_pubtator(FILE) == [
        (
            Document(
                "PMID:7",
                (
                    Section("title", "TNF-α in colon cancer."),
                    Section("abstract", "Aspirin helps. Some | p53 rose."),
                ),
            ),
            (
                mention(
                    0,
                    0,
                    Span(0, 5),
                    "TNF-α",
                    "gene",
                    Link("NCBIGene:7124", "NCBIGene", "", 1, 1.0, "pubtator"),
                ),
                mention(0, 0, Span(9, 21), "colon cancer", "disease"),
                mention(
                    0,
                    0,
                    Span(15, 21),
                    "cancer",
                    "disease",
                    Link("D009369", "", "", 1, 1.0, "pubtator"),
                ),
                mention(1, 1, Span(22, 25), "p53", "SequenceVariant"),
            ),
        ),
        (Document("own", (Section("title", "HeLa"),)), ()),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("7\t0\t3\tEGF\tGene", "'EGF' stands where PMID:7 has 'TNF'."),
        ("7\t0\t5\tTNF r\tGene", "'TNF r' crosses the end of the title of PMID:7."),
        ("7\t3\t6\t ro\tGene", "' ro' crosses the end of the title of PMID:7."),
        ("7\t0\t99\tTNF\tGene", "0 to 99 is no stretch of the 9 characters of 7."),
        ("8\t0\t3\tTNF\tGene", "a mention of 8 below the title of 7."),
        ("TNF rose", "neither a title, an abstract nor a mention: 'TNF rose'."),
    ],
)
def test_a_line_that_does_not_fit_is_named(line: str, problem: str):
    content = f"7|t|TNF\n7|a|rose.\n{line}\n"

    with pytest.raises(MalformedFileError) as caught:
        from_pubtator(content, path="notes.PubTator")

    assert str(caught.value) == f"notes.PubTator, line 3: {problem}"


def test_offsets_may_be_trusted_instead_of_the_text_of_a_line():
    content = "7|t|TNF\n7|a|rose.\n7\t0\t3\ttnf \tGene\n"

    [(_, (mention,))] = from_pubtator(content, by_offsets=True)

    assert (mention.text, mention.start, mention.end) == ("TNF", 0, 3)


def test_an_identifier_with_a_bar_can_be_read_again():
    document = Document("a|t|b", (Section("title", "TNF"),))

    [(read, ())] = from_pubtator(to_pubtator(document, ()))

    assert (read.doc_id, read.sections) == ("a t b", document.sections)


def test_published_files_can_be_read(test_data: Path):
    """One has a mention whose line says more than stands there."""
    folder = test_data / "linking"
    biored, epilepsy = folder / "biored/devel.PubTator", folder / "ncbi-disease/train.PubTator"

    read = from_pubtator(biored.read_text("utf-8"), path=biored)
    trusted = from_pubtator(epilepsy.read_text("utf-8"), path=epilepsy, by_offsets=True)

    assert (len(read), sum(len(mentions) for _, mentions in read)) == (78, 2644)
    assert len(trusted) > 500
    with pytest.raises(MalformedFileError, match=r"train.PubTator, line 3248: 'generalized epile"):
        from_pubtator(epilepsy.read_text("utf-8"), path=epilepsy)
