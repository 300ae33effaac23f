"""HTML: every text escaped, what nests nested."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.formats.html import to_html
from kazu_platform.tables import ENTITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence


class Tags(HTMLParser):
    """The elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.found.add(tag)


def paragraph(document: Document, mentions: Sequence[Mention], number: int = 0) -> str:
    found = re.findall(r"</h3><p>(.*?)</p>", to_html([(document, mentions)]), re.DOTALL)
    return found[number]


def mention(text: str, start: int, end: int, entity_class: str, *links: Link) -> Mention:
    spans = (Span(start, end),)
    return Mention("own", 0, 0, spans, text[start:end], entity_class, "dictionary", None, links)


def test_nested_mentions_are_nested_marks(document: Document, mentions: tuple[Mention, ...]):
    inner = [m for m in mentions if m.section == 1 and len(m.spans) == 1]

    assert paragraph(document, inner, 1) == (
        'Breast and <mark class="disease" title="disease: no concept">'
        '<mark class="anatomy" title="anatomy: no concept">ovarian</mark> '
        '<mark class="disease" title="disease: no concept">cancer</mark></mark>:\n\tİ '
        '<mark class="gene" title="gene: no concept">TNF-α</mark>.'
    )


def test_texts_names_and_ids_are_escaped():
    text = "<script>BRCA1</script>"
    link = Link("HGNC:1100", "HGNC", '"><img src=x onerror=alert(1)>', 1, 1.0, "exact")
    document = Document("<b>own</b>", (Section("<i>title</i>", text),))

    page = to_html([(document, [mention(text, 8, 13, 'gene" x="', link)])])

    parser = Tags()
    parser.feed(page)
    assert parser.found == {"html", "meta", "title", "style", "p", "mark", "h2", "h3"}
    assert "<h2>&lt;b&gt;own&lt;/b&gt;</h2><h3>&lt;i&gt;title&lt;/i&gt;</h3>" in page
    assert (
        '<p>&lt;script&gt;<mark class="gene&quot; x=&quot;" title="gene&quot; x=&quot;: HGNC:1100 '
        '&quot;&gt;&lt;img src=x onerror=alert(1)&gt;">BRCA1</mark>&lt;/script&gt;</p>'
    ) in page


def test_of_two_mentions_that_cross_the_first_is_shown():
    text = "non small cell lung cancer"
    crossing = [mention(text, 4, 26, "disease"), mention(text, 0, 14, "cell_type")]

    assert paragraph(Document("own", (Section("title", text),)), crossing) == (
        '<mark class="cell_type" title="cell_type: no concept">non small cell</mark> lung cancer'
    )


def test_a_discontinuous_mention_is_shown_as_its_outer_span(
    document: Document, mentions: tuple[Mention, ...]
):
    assert paragraph(document, [mentions[1]], 1).startswith(
        '<mark class="disease" title="disease: MONDO:0007254 breast cancer">'
        "Breast and ovarian cancer</mark>:"
    )


def test_two_classes_of_one_span_are_both_shown():
    text = "insulin"
    both = [mention(text, 0, 7, "gene"), mention(text, 0, 7, "chemical")]

    assert paragraph(Document("own", (Section("title", text),)), both) == (
        '<mark class="chemical" title="chemical: no concept">'
        '<mark class="gene" title="gene: no concept">insulin</mark></mark>'
    )


def test_the_page_loads_nothing_and_has_a_colour_for_every_class(
    document: Document, mentions: tuple[Mention, ...]
):
    page = to_html([(document, mentions)])

    assert "http" not in page
    assert "src=" not in page
    for name in ENTITY_CLASSES:
        assert f"mark.{name}{{background:" in page
