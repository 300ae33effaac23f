from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.citations.documents import documents_of, passages_of
from kazu_platform.citations.passages import passages, split_into_sentences
from kazu_platform.citations.pubmed import parse_pubmed
from kazu_platform.documents import Document, Section
from kazu_platform.errors import SchemaError
from kazu_platform.tables import CITATIONS, PASSAGES, SENTENCES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ABSTRACT = "Zinc feeds yeast. Iron does not."


def citations_of(*documents: Document) -> pa.Table:
    rows = [
        {
            "doc_id": document.doc_id,
            "content_hash": document.content_hash,
            "sections": [{"name": s.name, "text": s.text} for s in document.sections],
        }
        for document in documents
    ]
    names = ("doc_id", "content_hash", "sections")
    schema = pa.schema([CITATIONS.schema.field(name) for name in names])
    return pa.Table.from_pylist(rows, schema=schema)


def document(doc_id: str, title: str, abstract: str = ABSTRACT) -> Document:
    return Document(doc_id, (Section("title", title), Section("abstract", abstract)))


def test_every_section_is_split_into_sentences():
    rows = split_into_sentences(citations_of(document("PMID:1", "Yeast."))).to_pylist()

    assert [(r["section"], r["sentence"], r["start"], r["end"]) for r in rows] == [
        (0, 0, 0, 6),
        (1, 0, 0, 17),
        (1, 1, 18, 32),
    ]
    assert {r["content_hash"] for r in rows} == {document("PMID:1", "Yeast.").content_hash}


def test_a_passage_is_a_section_with_the_borders_of_its_sentences():
    citations = citations_of(document("PMID:2", "Bread", ""), document("PMID:1", "Yeast."))
    sentences = split_into_sentences(citations)

    read = passages(citations, sentences.take(list(reversed(range(len(sentences))))))

    assert [
        (r["doc_id"], r["section"], r["name"], r["text"], r["sentences"]) for r in read.to_pylist()
    ] == [
        ("PMID:2", 0, "title", "Bread", [{"start": 0, "end": 5}]),
        ("PMID:2", 1, "abstract", "", []),
        ("PMID:1", 0, "title", "Yeast.", [{"start": 0, "end": 6}]),
        ("PMID:1", 1, "abstract", ABSTRACT, [{"start": 0, "end": 17}, {"start": 18, "end": 32}]),
    ]


def test_a_citation_that_comes_twice_is_read_once():
    first, revised = document("PMID:1", "Yeast."), document("PMID:1", "Yeasts.")
    citations = citations_of(first, revised, first)
    sentences = split_into_sentences(citations)

    assert len(sentences) == 6
    assert documents_of(passages(citations, sentences)) == [first, revised]


def test_citations_in_pieces_are_the_same():
    citations = citations_of(*(document(f"PMID:{n}", f"Yeast {n}.") for n in range(5)))
    pieces = pa.concat_tables([citations.slice(0, 2), citations.slice(2, 0), citations.slice(2)])

    sentences = split_into_sentences(pieces)

    assert sentences.equals(split_into_sentences(citations))
    assert passages(pieces, sentences).equals(passages(citations, sentences))


def test_a_citation_without_sections_has_no_passage():
    citations = citations_of(Document("PMID:1", ()), document("PMID:2", "Yeast."))
    sentences = split_into_sentences(citations)

    assert set(passages(citations, sentences)["doc_id"].to_pylist()) == {"PMID:2"}


def test_nothing_is_nothing():
    assert split_into_sentences(CITATIONS.empty()).equals(SENTENCES.empty())
    assert passages(CITATIONS.empty(), SENTENCES.empty()).equals(PASSAGES.empty())
    assert passages_of([]).equals(PASSAGES.empty())
    assert documents_of(PASSAGES.empty()) == []


def test_sentences_with_a_gap_are_refused():
    citations = citations_of(document("PMID:1", "Yeast."))
    sentences = split_into_sentences(citations)

    with pytest.raises(SchemaError, match="not numbered 0, 1, 2"):
        passages(citations, sentences.take([0, 2]))


def test_passages_without_a_section_are_no_document():
    whole = passages_of([document("mine", "Yeast.")])

    with pytest.raises(SchemaError, match="mine: sections are missing"):
        documents_of(whole.slice(1))
    with pytest.raises(SchemaError, match="mine: its text is not the one"):
        documents_of(whole.slice(0, 1))


texts = st.text(st.sampled_from("aZ αßİ\u0301.!?()\n\u2009𝛽1"), max_size=40)
documents = st.lists(
    st.builds(
        Document,
        st.text(min_size=1, max_size=5),
        st.lists(
            st.builds(Section, st.sampled_from(["title", "abstract", ""]), texts), min_size=1
        ).map(tuple),
    ),
    max_size=5,
    unique_by=lambda d: (d.doc_id, d.content_hash),
)


@given(documents)
def test_documents_survive_the_way_to_passages_and_back(given_documents: Sequence[Document]):
    read = passages_of(given_documents)

    assert documents_of(read) == list(given_documents)
    for row in read.to_pylist():
        borders = [(span["start"], span["end"]) for span in row["sentences"]]
        assert all(0 <= start < end <= len(row["text"]) for start, end in borders)
        assert borders == sorted(borders)


@given(documents)
def test_citations_and_documents_give_the_same_passages(given_documents: Sequence[Document]):
    citations = citations_of(*given_documents)

    assert passages(citations, split_into_sentences(citations)).equals(passages_of(given_documents))


def test_a_file_of_the_mirror_becomes_passages(test_data: Path):
    path = test_data / "pubmed" / "baseline" / "pubmed26n0001.xml.gz"
    [batch] = parse_pubmed(path, file="pubmed26n0001")

    read = passages(batch.citations, split_into_sentences(batch.citations))

    assert read.equals(passages_of(documents_of(read)))
    assert len(set(read["doc_id"].to_pylist())) == 128
