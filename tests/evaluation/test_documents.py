"""A gold without some documents is what its file would be without them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.evaluation.documents import with_documents
from kazu_platform.evaluation.entities import SpanGold, TokenGold, Tokens
from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.evaluation.pubtator import parse_pubtator
from kazu_platform.evaluation.tags import gold_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

TAGS = ("O", "B-gene", "I-gene", "B-disease")
TOKENS = st.tuples(st.sampled_from(["TNF", "α", "in"]), st.sampled_from(TAGS))
SENTENCES = st.lists(st.lists(TOKENS, min_size=1, max_size=3), min_size=1, max_size=3)
DOCUMENTS = st.lists(st.tuples(SENTENCES, st.booleans()), min_size=1, max_size=5)


def iob_of(documents: Sequence[tuple[int, Sequence[Sequence[tuple[str, str]]]]]) -> str:
    return "".join(
        f"-DOCSTART- {number}\tO\n\n"
        + "".join("".join(f"{w}\t{t}\n" for w, t in each) + "\n" for each in sentences)
        for number, sentences in documents
    )


@given(DOCUMENTS)
def test_tokens_of_the_documents_that_are_left(
    drawn: list[tuple[list[list[tuple[str, str]]], bool]],
):
    every = [(number, sentences) for number, (sentences, _) in enumerate(drawn)]
    kept = np.array([is_kept for _, is_kept in drawn])
    alone = [each for each, is_kept in zip(every, kept.tolist(), strict=True) if is_kept]

    found, expected = (
        with_documents(parse_iob(Path("a"), iob_of(every), corpus="c", split="s"), kept),
        parse_iob(Path("a"), iob_of(alone), corpus="c", split="s"),
    )

    assert isinstance(found, TokenGold)
    assert found.passages.equals(expected.passages)
    for name in Tokens.__slots__:
        if name != "kind":
            mine, theirs = getattr(found.tokens, name), getattr(expected.tokens, name)
            assert mine.tolist() == theirs.tolist(), name
    for name in ("gene", "disease"):
        assert found.types.get(name, 0) == expected.types.get(name, 0)
        assert gold_tags(found, name).tolist() == gold_tags(expected, name).tolist()


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from([(0, 3, "Gene"), (4, 8, "Cell"), (0, 8, "Gene")])),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_spans_of_the_documents_that_are_left(drawn: list[tuple[set[tuple[int, int, str]], bool]]):
    blocks = [
        f"{number}|t|TNF mice\n{number}|a|It rose.\n"
        + "".join(f"{number}\t{s}\t{e}\t{'TNF mice'[s:e]}\t{kind}\n" for s, e, kind in marks)
        for number, (marks, _) in enumerate(drawn)
    ]
    kept = [is_kept for _, is_kept in drawn]
    alone = [block for block, is_kept in zip(blocks, kept, strict=True) if is_kept]

    found, expected = (
        with_documents(
            parse_pubtator(Path("a"), "\n".join(blocks), corpus="c", split="s"), np.array(kept)
        ),
        parse_pubtator(Path("a"), "\n".join(alone), corpus="c", split="s"),
    )

    assert isinstance(found, SpanGold)
    assert found.passages.equals(expected.passages)
    assert dict(found.types) == dict(expected.types)
    assert found.entity_types == expected.entity_types
    for name in ("document", "start", "end"):
        mine, theirs = getattr(found.entities, name), getattr(expected.entities, name)
        assert mine.tolist() == theirs.tolist(), name
