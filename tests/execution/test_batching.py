"""Micro-batches cut passages on the borders of documents."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.execution.batching import document_borders, micro_batches
from kazu_platform.tables import PASSAGES


def passages_of(documents: list[list[str]]) -> pa.Table:
    return PASSAGES.from_rows(
        [
            {
                "doc_id": f"PMID:{number}",
                "content_hash": f"{number:024x}",
                "section": index,
                "name": "title" if index == 0 else "abstract",
                "text": text,
                "sentences": [],
            }
            for number, texts in enumerate(documents)
            for index, text in enumerate(texts)
        ]
    )


def test_a_batch_ends_before_the_document_that_does_not_fit():
    passages = passages_of([["1234", "56789"], ["1"], ["12"], ["123456789"]])

    batches = list(micro_batches(passages, max_characters=10))

    assert [sorted(set(batch["doc_id"].to_pylist())) for batch in batches] == [
        ["PMID:0", "PMID:1"],
        ["PMID:2"],
        ["PMID:3"],
    ]


def test_a_document_longer_than_the_limit_is_a_batch_alone():
    passages = passages_of([["a"], ["b" * 50, "c" * 50], ["d"]])

    batches = list(micro_batches(passages, max_characters=10))

    assert [batch.num_rows for batch in batches] == [1, 2, 1]


def test_characters_are_code_points_not_bytes():
    passages = passages_of([["αβγδε"], ["αβγδε"]])

    assert len(list(micro_batches(passages, max_characters=10))) == 1


def test_documents_without_text_travel_with_their_neighbours():
    passages = passages_of([["", ""], [""], ["abc"]])

    assert [batch.num_rows for batch in micro_batches(passages, max_characters=1)] == [3, 1]


def test_two_versions_of_a_citation_are_two_documents():
    passages = passages_of([["a"], ["b"]])
    same = passages.set_column(0, passages.schema.field(0), pa.array(["PMID:1", "PMID:1"]))

    assert document_borders(same).tolist() == [0, 1, 2]


def test_no_passages_make_no_batches():
    assert list(micro_batches(PASSAGES.empty())) == []


def test_batches_share_the_memory_of_the_passages():
    passages = passages_of([["Aspirin inhibits COX-1."], ["BRCA1"]])

    batches = list(micro_batches(passages, max_characters=1))

    assert len(batches) == 2
    buffers = {
        buffer.address for chunk in passages["text"].chunks for buffer in chunk.buffers() if buffer
    }
    assert all(
        buffer.address in buffers
        for batch in batches
        for buffer in batch["text"].chunk(0).buffers()
        if buffer
    )


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match="max_characters must be 1 or more, not 0"):
        next(micro_batches(PASSAGES.empty(), max_characters=0))


@given(
    documents=st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=3), max_size=12),
    limit=st.integers(1, 40),
    chunk=st.integers(1, 7),
)
def test_batches_put_together_are_the_passages(documents: list[list[str]], limit: int, chunk: int):
    passages = passages_of(documents)
    passages = pa.Table.from_batches(passages.to_batches(max_chunksize=chunk), passages.schema)

    batches = list(micro_batches(passages, max_characters=limit))

    assert [row for batch in batches for row in batch.to_pylist()] == passages.to_pylist()
    for batch in batches:
        ids = set(batch["doc_id"].to_pylist())
        assert len(ids) == 1 or sum(map(len, batch["text"].to_pylist())) <= limit
