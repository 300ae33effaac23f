"""What must hold for any tags: ours are seqeval's figures."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.evaluation.scores import count, score
from kazu_platform.evaluation.tags import (
    entities_of,
    found_tags,
    gold_tags,
    labels,
    without_overlaps,
)
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    from kazu_platform.evaluation.entities import TokenGold

# Every sequence of them, also those that no IOB2 writer makes.
TAGS = st.sampled_from(["O", "O", "B-gene", "I-gene", "B-dna", "I-dna"])
SENTENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), max_size=6)


def gold_of(sentences: list[list[str]]) -> TokenGold:
    content = "\n\n".join("\n".join(f"x\t{tag}" for tag in tags) for tags in sentences)
    return parse_iob(Path("any.tsv"), content, corpus="any", split="any")


def of_class(tags: list[str], entity_class: str) -> list[str]:
    return [tag if tag.endswith(f"-{entity_class}") else "O" for tag in tags]


@given(SENTENCES)
def test_figures_are_those_of_seqeval(sentences: list[list[tuple[str, str]]]):
    marked = [[one for one, _ in sentence] for sentence in sentences]
    found = [[other for _, other in sentence] for sentence in sentences]
    golds = gold_of(marked), gold_of(found)

    gold, predicted = (entities_of(each, gold_tags(each, "gene")) for each in golds)
    counts = count(predicted, gold, (predicted.document, gold.document), len(sentences))
    result = score(counts)

    truth, guess = ([of_class(tags, "gene") for tags in each] for each in (marked, found))
    entities = [set(get_entities(each)) for each in (truth, guess)] if sentences else [set(), set()]
    assert result.n_gold == len(entities[0])
    assert result.n_found == len(entities[1])
    assert result.n_correct == len(entities[0] & entities[1])
    if sentences:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert result.precision.value == pytest.approx(precision_score(truth, guess))
            assert result.recall.value == pytest.approx(recall_score(truth, guess))
            assert result.f1.value == pytest.approx(f1_score(truth, guess))


@given(SENTENCES)
def test_a_class_alone_has_the_entities_that_it_has_among_others(
    sentences: list[list[tuple[str, str]]],
):
    marked = [[one for one, _ in sentence] for sentence in sentences]
    gold = gold_of(marked)

    per_class = [len(entities_of(gold, gold_tags(gold, name))) for name in ("gene", "dna")]

    assert sum(per_class) == (len(get_entities(marked)) if marked else 0)
    assert sum(gold.types.values()) == sum(per_class)


@given(SENTENCES)
def test_tags_go_to_strings_and_back(sentences: list[list[tuple[str, str]]]):
    marked = [[one for one, _ in sentence] for sentence in sentences]
    gold = gold_of(marked)

    assert labels(gold, gold_tags(gold, "gene"), "gene") == [
        of_class(tags, "gene") for tags in marked
    ]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=12))
def test_what_stays_is_disjoint_and_what_goes_met_something_longer(spans: list[tuple[int, int]]):
    start = np.array([first for first, _ in spans], np.int64)
    length = np.array([size for _, size in spans], np.int64)
    end = start + length

    kept = without_overlaps(start, end, length, 40).tolist()

    for row in range(len(spans)):
        meets = [each for each in kept if start[each] < end[row] and start[row] < end[each]]
        if row in kept:
            assert meets == [row]
        else:
            assert any((-length[each], start[each]) <= (-length[row], start[row]) for each in meets)


def tagged_one_by_one(gold: TokenGold, spans: list[tuple[int, int]]) -> list[int]:
    """Tags of the spans of one document, the plain way."""
    tokens = gold.tokens
    tags = [0] * len(tokens.start)
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        touched = [
            row for row in range(len(tags)) if tokens.start[row] < end and start < tokens.end[row]
        ]
        sentences = {int(tokens.sentence[row]) for row in touched}
        if len(sentences) == 1 and not any(tags[row] for row in touched):
            for row in touched:
                tags[row] = 2
            tags[touched[0]] = 1
    return tags


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "bb", "ccc", "𝒳İ"]), min_size=1, max_size=4), max_size=4
    ),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=8),
)
def test_tags_of_spans_are_those_of_the_plain_way(
    sentences: list[list[str]], places: list[tuple[int, int]]
):
    lines = "\n\n".join("\n".join(f"{token}\tO" for token in each) for each in sentences)
    content = f"-DOCSTART- 7\tO\n\n{lines}\n"
    gold = parse_iob(Path("any.tsv"), content, corpus="any", split="any")
    size = sum(len(text) for text in gold.passages["text"].to_pylist())
    spans = [(start, min(start + length, size)) for start, length in places if start < size]
    rows = [
        {
            "mention_id": str(number),
            "doc_id": "7",
            "content_hash": "",
            "section": 0,
            "sentence": 0,
            "start": start,
            "end": end,
            "spans": [{"start": start, "end": end}],
            "text": "",
            "entity_class": "gene",
            "detector": "any",
            "detector_version": "1",
        }
        for number, (start, end) in enumerate(spans)
    ]

    tags = found_tags(gold, DICTIONARY_MENTIONS.from_rows(rows), "gene")

    assert tags.tolist() == tagged_one_by_one(gold, spans)
