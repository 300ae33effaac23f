"""What goes through tables, the lake or a file and back is what it was."""

from __future__ import annotations

import datetime as dt
import tempfile
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.citations.documents import documents_of, passages_of
from kazu_platform.citations.passages import passages, split_into_sentences
from kazu_platform.documents import Document, Link, Mention, Section, Span
from kazu_platform.formats.bioc_json import from_bioc_json, to_bioc_json
from kazu_platform.formats.bioc_xml import from_bioc_xml, to_bioc_xml
from kazu_platform.formats.html import to_html
from kazu_platform.formats.jsonl import from_json_line, read_jsonl, to_json_line, write_jsonl
from kazu_platform.formats.pubtator import from_pubtator, to_pubtator
from kazu_platform.formats.rows import from_rows, to_rows
from kazu_platform.linking.annotate import annotate
from kazu_platform.linking.context import with_context
from kazu_platform.ner.combination import combine
from kazu_platform.ner.defined import definitions
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import CITATIONS, ENTITY_CLASSES, MENTIONS, SENTENCES

if TYPE_CHECKING:
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.ner.dictionary import DictionaryDetector

SEVERAL = st.lists(
    st.from_type(Document), max_size=4, unique_by=lambda d: (d.doc_id, d.content_hash)
)
STRINGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
MAYBE = st.none() | STRINGS


def row_of(document: Document, position: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - cells
    """A document as a row of CITATIONS."""
    return {
        "doc_id": document.doc_id,
        "version": 1,
        "title": document.sections[0].text,
        "sections": [{"name": each.name, "text": each.text} for each in document.sections],
        "other_abstracts": [],
        "language": ["eng"],
        "publication_types": [],
        "mesh": [],
        "retracted": False,
        "content_hash": document.content_hash,
        "file": "own",
        "position": position,
    } | more


@st.composite
def citation_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of CITATIONS with anything in every other column."""
    columns = st.fixed_dictionaries(
        {
            "pmid": st.none() | st.integers(1, 2**40),
            "version": st.integers(1, 9),
            "vernacular_title": MAYBE,
            "journal": MAYBE,
            "pub_year": st.none() | st.integers(1800, 2100),
            "pub_date": MAYBE,
            "language": st.lists(STRINGS, max_size=2),
            "publication_types": st.lists(STRINGS, max_size=2),
            "mesh": st.lists(STRINGS, max_size=2),
            "doi": MAYBE,
            "pmcid": MAYBE,
            "revised_on": st.none() | st.dates(dt.date(1900, 1, 1)),
            "retracted": st.booleans(),
        }
    )
    given_documents = draw(SEVERAL)
    return [row_of(each, at, **draw(columns)) for at, each in enumerate(given_documents)]


@settings(max_examples=60, deadline=None)
@given(documents=SEVERAL)
def test_texts_come_back_from_the_lake(documents: list[Document]):
    citations = CITATIONS.from_rows([row_of(each, at) for at, each in enumerate(documents)])
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        lake.write(CITATIONS, citations, partition="own")
        lake.write(SENTENCES, split_into_sentences(citations), partition="own")

        read = passages(
            lake.read(CITATIONS, "own", columns=["doc_id", "content_hash", "sections"]),
            lake.read(SENTENCES, "own"),
        )

    assert read.equals(passages_of(documents))
    assert documents_of(read) == documents


@settings(max_examples=40, deadline=None)
@given(rows=citation_rows())
def test_citations_come_back_from_the_lake(rows: list[dict[str, Any]]):
    citations = CITATIONS.from_rows(rows)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        lake.write(CITATIONS, citations, partition="own")

        read = lake.read(CITATIONS, "own")

    assert read.equals(citations)
    absent = dict.fromkeys(CITATIONS.schema.names)
    assert read.to_pylist() == [absent | row for row in rows]


@settings(max_examples=40, deadline=None)
@given(documents=SEVERAL)
def test_mentions_come_back_from_the_lake(
    detector: DictionaryDetector, linker: ExactLinker, documents: list[Document]
):
    read = passages_of(documents)
    mentions = with_context(combine([detector.detect(read)]), definitions(read), linker)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        lake.write(MENTIONS, mentions, partition="own")

        assert lake.read(MENTIONS, "own").equals(mentions)


LINKS = st.builds(
    Link,
    STRINGS,
    STRINGS,
    STRINGS,
    st.integers(1, 20),
    st.floats(0, 1),
    st.sampled_from(["exact", "normalised"]),
)


@st.composite
def annotated(draw: st.DrawFn) -> tuple[Document, tuple[Mention, ...]]:
    """A document with any mentions: nested, crossing, of several spans."""
    document = draw(st.from_type(Document))
    mentions: list[Mention] = []
    for _ in range(draw(st.integers(0, 6))):
        section = draw(st.integers(0, len(document.sections) - 1))
        text = document.sections[section].text
        cuts = draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True).map(sorted))
        spans = tuple(Span(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=False))
        if spans:
            mentions.append(
                Mention(
                    document.doc_id,
                    section,
                    draw(st.integers(0, 9)),
                    spans,
                    " ... ".join(text[span.start : span.end] for span in spans),
                    draw(st.sampled_from(ENTITY_CLASSES)),
                    "dictionary+model",
                    draw(st.none() | st.floats(0, 1)),
                    tuple(draw(st.lists(LINKS, max_size=2))),
                )
            )
    return document, tuple(mentions)


@settings(deadline=None)
@given(annotated())
def test_json_lines_lose_nothing(given_case: tuple[Document, tuple[Mention, ...]]):
    line = to_json_line(*given_case)

    assert line.splitlines() == [line]
    assert from_json_line(line) == given_case


@settings(max_examples=60, deadline=None)
@given(document=st.from_type(Document))
def test_what_was_annotated_comes_back_from_json(
    detector: DictionaryDetector, linker: ExactLinker, document: Document
):
    [mentions] = annotate([document], [detector], linker)

    assert from_json_line(to_json_line(document, mentions)) == (document, mentions)


@settings(max_examples=60, deadline=None)
@given(document=st.from_type(Document))
def test_offsets_of_pubtator_slice_title_blank_abstract(
    detector: DictionaryDetector, linker: ExactLinker, document: Document
):
    [mentions] = annotate([document], [detector], linker)
    breaks = "\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029|"
    number = document.doc_id.removeprefix("PMID:").translate(dict.fromkeys(map(ord, breaks), " "))

    written = to_pubtator(document, mentions)

    title, abstract, *lines = written.removeprefix(f"{number}|t|").split("\n")
    whole = f"{title} {abstract.removeprefix(f'{number}|a|')}"
    cells = [line.removeprefix(f"{number}\t").split("\t") for line in lines[:-2]]
    assert lines[-2:] == ["", ""]
    assert [whole[int(start) : int(end)] for start, end, *_ in cells] == [c[2] for c in cells]
    assert len(cells) == len(mentions)


@settings(deadline=None)
@given(annotated(), annotated())
def test_pubtator_that_was_read_is_written_as_it_stood(
    one: tuple[Document, tuple[Mention, ...]], other: tuple[Document, tuple[Mention, ...]]
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of discontinuous mentions
        written = to_pubtator(*one) + to_pubtator(*other)

    read = from_pubtator(written)

    assert "".join(to_pubtator(*each) for each in read) == written
    for document, mentions in read:
        for mention in mentions:
            text = document.sections[mention.section].text
            assert text[mention.start : mention.end] == mention.text


@settings(max_examples=60, deadline=None)
@given(st.lists(annotated(), min_size=1, max_size=3))
def test_bioc_in_json_loses_nothing(cases: list[tuple[Document, tuple[Mention, ...]]]):
    by_place = [(document, in_sections(mentions)) for document, mentions in cases]

    assert from_bioc_json(to_bioc_json(cases)) == by_place


NO_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")


@settings(max_examples=60, deadline=None)
@given(st.lists(annotated(), min_size=1, max_size=3))
def test_bioc_in_xml_loses_what_xml_cannot_hold_alone(
    cases: list[tuple[Document, tuple[Mention, ...]]],
):
    plain = [
        (
            Document(
                document.doc_id.translate(NO_XML),
                tuple(
                    Section(each.name.translate(NO_XML), each.text.translate(NO_XML))
                    for each in document.sections
                ),
            ),
            tuple(
                replace(m, doc_id=m.doc_id.translate(NO_XML), text=m.text.translate(NO_XML))
                for m in in_sections(mentions)
            ),
        )
        for document, mentions in cases
    ]

    assert from_bioc_xml(to_bioc_xml(cases).encode()) == plain


def in_sections(mentions: tuple[Mention, ...]) -> tuple[Mention, ...]:
    """Mentions by section, else in their order: BioC keeps them with their passage."""
    return tuple(sorted(mentions, key=lambda mention: mention.section))


@settings(deadline=None)
@given(st.lists(annotated(), max_size=3, unique_by=lambda case: (case[0].doc_id, case[0].sections)))
def test_mentions_come_back_from_rows(cases: list[tuple[Document, tuple[Mention, ...]]]):
    """Links are no part of the rows, and a probability is one of 32 bits."""
    plain = [
        (document, tuple(replace(m, links=(), confidence=m.confidence and 0.5) for m in mentions))
        for document, mentions in cases
    ]

    rows = to_rows(plain, detector_version="1")

    assert from_rows([document for document, _ in plain], rows) == plain
    assert to_rows(from_rows([each for each, _ in plain], rows), detector_version="1").equals(rows)


@settings(max_examples=40, deadline=None)
@given(st.lists(annotated(), max_size=3))
def test_files_of_json_lines_lose_nothing(cases: list[tuple[Document, tuple[Mention, ...]]]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.jsonl"
        write_jsonl(path, cases)

        assert list(read_jsonl(path)) == cases


class Shown(HTMLParser):
    """The text of the paragraphs of a page; marks must be balanced within them."""

    def __init__(self) -> None:
        super().__init__()
        self.paragraphs: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "p":
            self.paragraphs.append("")
        if tag in {"p", "mark"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"p", "mark"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "p" in self.open:
            self.paragraphs[-1] += data


@settings(deadline=None)
@given(annotated())
def test_a_page_shows_the_texts_and_nothing_else(
    given_case: tuple[Document, tuple[Mention, ...]],
):
    parser = Shown()
    parser.feed(to_html([given_case]))
    parser.close()

    assert parser.open == []
    _key, *shown = parser.paragraphs
    assert shown == [section.text for section in given_case[0].sections]
