"""`text[start:end]` is the mention, always; and no document depends on its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.citations.documents import passages_of
from kazu_platform.documents import Document, Span, mention_id
from kazu_platform.linking.annotate import annotate

if TYPE_CHECKING:
    from kazu_platform.linking.exact import ExactLinker
    from kazu_platform.ner.dictionary import DictionaryDetector

SEVERAL = st.lists(
    st.from_type(Document), max_size=4, unique_by=lambda d: (d.doc_id, d.content_hash)
)


@settings(max_examples=150, deadline=None)
@given(document=st.from_type(Document))
def test_every_mention_of_the_dictionary_is_its_own_slice_of_the_text(
    detector: DictionaryDetector, document: Document
):
    passages = passages_of([document])
    sentences = passages["sentences"].to_pylist()

    rows = detector.detect(passages).to_pylist()

    for row in rows:
        text = document.sections[row["section"]].text
        assert text[row["start"] : row["end"]] == row["text"]
        assert row["spans"] == [{"start": row["start"], "end": row["end"]}]
        assert row["mention_id"] == mention_id(
            document.doc_id, row["section"], [Span(row["start"], row["end"])], row["entity_class"]
        )
        borders = sentences[row["section"]][row["sentence"]]
        assert borders["start"] <= row["start"] < borders["end"]
    assert len({row["mention_id"] for row in rows}) == len(rows)


@settings(max_examples=100, deadline=None)
@given(document=st.from_type(Document))
def test_every_annotated_mention_is_its_own_slice_of_the_text(
    detector: DictionaryDetector, linker: ExactLinker, document: Document
):
    [mentions] = annotate([document], [detector], linker)

    for mention in mentions:
        text = document.sections[mention.section].text
        assert " ... ".join(text[s.start : s.end] for s in mention.spans) == mention.text
        assert [link.rank for link in mention.links] == list(range(1, len(mention.links) + 1))
        scores = [link.score for link in mention.links]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1 for score in scores)
    places = [(m.section, m.spans, m.entity_class) for m in mentions]
    assert places == sorted(places)


@settings(max_examples=30, deadline=None)
@given(documents=SEVERAL)
def test_a_document_is_annotated_as_if_it_were_alone(
    detector: DictionaryDetector, linker: ExactLinker, documents: list[Document]
):
    together = annotate(documents, [detector], linker)

    assert together == [annotate([each], [detector], linker)[0] for each in documents]
