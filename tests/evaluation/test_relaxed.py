"""Figures beside the strict ones: on characters, on overlaps, on what was seen and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.evaluation.entities import Entities
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import evaluate_mentions
from kazu_platform.evaluation.scores import Figure, overlaps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.evaluation.entities import TokenGold
    from kazu_platform.evaluation.ner import Evaluation

    Gold = Callable[..., TokenGold]
    Mentions = Callable[..., pa.Table]

SPANS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(1, 6)), max_size=8
).map(lambda rows: [(document, start, start + size) for document, start, size in rows])


class Hand:
    """Who made the mentions of these tests."""

    name, version = "hand", "1"

    def detect(self, passages: pa.Table) -> pa.Table:
        raise AssertionError(passages)


def evaluated(
    gold: TokenGold, found: pa.Table, entity_class: str = "gene", train: TokenGold | None = None
) -> Evaluation:
    return evaluate_mentions(gold, found, entity_class, of=Hand(), train=train)


def entities(rows: list[tuple[int, int, int]]) -> Entities:
    return Entities(*np.array(rows, np.int64).reshape(-1, 3).T)


@given(SPANS, SPANS)
def test_overlaps_are_those_of_the_plain_way(
    these: list[tuple[int, int, int]], those: list[tuple[int, int, int]]
):
    expected = [any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for b in those) for a in these]

    assert overlaps(entities(these), entities(those)).tolist() == expected


def test_a_mention_within_a_token_is_right_by_its_tag_and_wrong_by_its_characters(
    iob: Gold, mentions: Mentions
):
    gold = iob("the IL-2/B-gene gene")

    result = evaluated(gold, mentions(gold.passages, ("?#1", "IL", "gene")))

    assert result.score.f1.value == 1.0
    assert (result.characters.n_found, result.characters.f1.value) == (1, 0.0)
    assert result.relaxed.f1.value == 1.0


def test_a_found_entity_is_right_and_a_marked_one_reached_if_they_overlap_at_all(
    iob: Gold, mentions: Mentions
):
    """One long mention reaches two entities; the third is missed, and one mention is nowhere."""
    gold = iob("p53/B-gene and EGFR/B-gene but TNF/B-gene fell")

    found = mentions(gold.passages, ("?#1", "p53 and EGFR", "gene"), ("?#1", "fell", "gene"))

    relaxed = evaluated(gold, found).relaxed
    assert (relaxed.n_gold, relaxed.n_reached) == (3, 2)
    assert (relaxed.n_found, relaxed.n_right) == (2, 1)
    assert relaxed.precision.value == 0.5
    assert relaxed.recall.value == pytest.approx(2 / 3)
    assert relaxed.f1.value == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))


def test_mentions_of_other_classes_and_documents_overlap_nothing(iob: Gold, mentions: Mentions):
    gold = iob("p53/B-gene rose", "p53 rose")

    found = mentions(gold.passages, ("?#1", "p53", "disease"), ("?#2", "p53", "gene"))

    relaxed = evaluated(gold, found).relaxed
    assert (relaxed.n_found, relaxed.n_right, relaxed.n_reached) == (1, 0, 0)


def test_mentions_that_touch_do_not_overlap(iob: Gold, mentions: Mentions):
    gold = iob("BCR-ABL", "BCR/B-gene ABL")

    found = mentions(gold.passages, ("?#2", [(3, 7)], "gene"))

    assert evaluated(gold, found).relaxed.n_reached == 0


def test_what_train_shows_is_told_from_what_it_does_not(iob: Gold, mentions: Mentions):
    """The case of a string does not matter, its class does; strings must be whole."""
    train = iob("p53/B-gene EGFR/B-gene", "TNF/B-disease IL/B-gene 2/I-gene")
    gold = iob("P53/B-gene egfr/B-gene", "TNF/B-gene IL/B-gene", "BRCA1/B-gene rose")

    found = mentions(gold.passages, ("?#1", "P53", "gene"), ("?#3", "BRCA1", "gene"))

    seen = evaluated(gold, found, train=train).seen
    assert seen is not None
    assert (seen.n_seen, seen.n_unseen) == (2, 3)
    assert seen.seen is not None
    assert seen.unseen is not None
    assert (seen.seen.value, seen.unseen.value) == (0.5, pytest.approx(1 / 3))
    assert seen.unseen.low == 0.0 < seen.unseen.value < seen.unseen.high == 1.0


def test_recall_of_nothing_is_no_figure(iob: Gold, mentions: Mentions):
    gold = iob("p53/B-gene rose")

    result = evaluated(gold, mentions(gold.passages, ("?#1", "p53", "gene")), train=iob("none"))

    assert result.seen is not None
    assert (result.seen.seen, result.seen.n_seen) == (None, 0)
    assert result.seen.unseen == Figure(1.0, 1.0, 1.0)


def test_without_a_train_split_nothing_is_told_apart(iob: Gold, mentions: Mentions):
    gold = iob("p53/B-gene rose")

    assert evaluated(gold, mentions(gold.passages)).seen is None


def test_seen_and_unseen_together_are_the_recall(test_data: Path, mentions: Mentions):
    """On a real corpus, with a detector that finds every other entity."""
    gold, train = (
        read_gold(test_data / "ner" / "NCBI-disease", each) for each in ("devel", "train")
    )
    strings = {"cancer", "tumours", "DMD", "BRCA1", "ataxia telangiectasia"}
    found = [
        (row["doc_id"], string, "disease")
        for row in gold.passages.select(["doc_id", "text"]).to_pylist()
        for string in strings
        if string in row["text"]
    ]

    result = evaluate_mentions(
        gold, mentions(gold.passages, *found), "disease", of=Hand(), train=train
    )

    seen = result.seen
    assert seen is not None
    assert seen.seen is not None
    assert seen.unseen is not None
    assert seen.n_seen + seen.n_unseen == result.score.n_gold == 787
    correct = seen.seen.value * seen.n_seen + seen.unseen.value * seen.n_unseen
    assert round(correct) == result.score.n_correct > 0
    assert result.relaxed.n_reached >= result.characters.n_correct
