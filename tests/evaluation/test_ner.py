"""Mentions against gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kazu_platform.evaluation.entities import SpanGold
from kazu_platform.evaluation.gold import read_gold
from kazu_platform.evaluation.ner import Mistakes, match_mentions, mistakes
from kazu_platform.evaluation.scores import score

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from kazu_platform.evaluation.entities import TokenGold
    from kazu_platform.evaluation.ner import Match

    Gold = Callable[..., TokenGold]
    Mentions = Callable[..., pa.Table]


def units(match: Match) -> list[tuple[int, int, int]]:
    """Correct, found and gold entities of each unit."""
    counts = match.counts
    return list(
        zip(counts.correct.tolist(), counts.found.tolist(), counts.gold.tolist(), strict=True)
    )


def test_both_ends_must_be_right(iob: Gold, mentions: Mentions):
    gold = iob(None, "TNF/B-gene α/I-gene and p53/B-gene", None, "the EGFR/B-gene gene")

    found = mentions(
        gold.passages, ("?#1", "TNF", "gene"), ("?#1", "p53", "gene"), ("?#2", "EGFR gene", "gene")
    )

    assert units(match_mentions(gold, found, "gene")) == [(1, 2, 2), (0, 1, 1)]


def test_units_are_documents_where_there_are_some_else_sentences(iob: Gold, mentions: Mentions):
    sentences = ("p53/B-gene rose", "none", "p53/B-gene p53/B-gene")
    of_sentences, of_documents = iob(*sentences), iob(None, *sentences[:2], None, sentences[2])

    assert units(match_mentions(of_sentences, mentions(of_sentences.passages), "gene")) == [
        (0, 0, 1),
        (0, 0, 0),
        (0, 0, 2),
    ]
    assert units(match_mentions(of_documents, mentions(of_documents.passages), "gene")) == [
        (0, 0, 1),
        (0, 0, 2),
    ]


def test_units_of_a_single_document_are_its_sentences(iob: Gold, mentions: Mentions):
    gold = iob(None, "p53/B-gene rose", "none", "p53/B-gene and EGFR/B-gene")

    found = mentions(gold.passages, ("?#1", "EGFR", "gene"), ("?#1", "rose", "gene"))

    assert units(match_mentions(gold, found, "gene")) == [(0, 1, 1), (0, 0, 0), (1, 1, 2)]


def test_empty_gold_scores_0(iob: Gold, mentions: Mentions):
    gold = iob()

    result = score(match_mentions(gold, mentions(gold.passages), "gene").counts)

    assert (result.f1, result.n_gold, result.n_units) == ((0.0, 0.0, 0.0), 0, 0)


def test_the_most_frequent_mistakes_are_strings_with_their_counts(iob: Gold, mentions: Mentions):
    gold = iob("p53/B-gene was", "p53/B-gene was", "EGFR/B-gene was", "TNF/B-gene α/I-gene")

    found = mentions(
        gold.passages,
        *((f"?#{number}", "was", "gene") for number in (1, 2, 3)),
        ("?#4", "TNF", "gene"),
    )

    assert mistakes(gold, match_mentions(gold, found, "gene"), most=2) == Mistakes(
        false_positives={"was": 3, "TNF": 1}, false_negatives={"p53": 2, "EGFR": 1}
    )


def test_characters_are_compared_where_gold_has_them(
    written: Callable[[str, str], Path], mentions: Mentions
):
    content = (
        "7|t|TNF-α in breast cancer\n7|a|Cancer rose.\n"
        "7\t0\t5\tTNF-α\tGene\n7\t9\t22\tbreast cancer\tDisease\n7\t23\t29\tCancer\tDisease\n\n"
        "8|t|Asthma\n8|a|\n8\t0\t6\tAsthma\tDisease\n"
    )
    gold = read_gold(written("devel.PubTator", content), "devel")
    assert isinstance(gold, SpanGold)

    found = mentions(
        gold.passages,
        ("7", "cancer", "disease"),
        ("7", "breast cancer", "disease"),
        ("7", "Cancer rose", "disease"),
        ("7", "TNF", "gene"),
        ("8", "Asthma", "disease"),
    )

    diseases = match_mentions(gold, found, "disease")
    assert diseases.found.texts(gold.passages) == ["breast cancer", "Cancer rose", "Asthma"]
    assert units(diseases) == [(1, 2, 2), (1, 1, 1)]
    assert units(match_mentions(gold, found, "gene")) == [(0, 1, 1), (0, 0, 0)]
