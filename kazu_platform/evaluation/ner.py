"""Evaluating a detector of mentions on gold, one class at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.arrow import compute
from kazu_platform.evaluation.entities import Entities, SpanGold
from kazu_platform.evaluation.scores import Counts, Score, count, is_in, score
from kazu_platform.evaluation.tags import entities_of, found_spans, found_tags, gold_tags
from kazu_platform.ner.mentions import Spans, sentence_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from kazu_platform.evaluation.entities import Gold, Integers, TokenGold
    from kazu_platform.ner.detector import Detector


@dataclass(frozen=True, slots=True)
class Match:
    """The entities of one class that a gold has and those that were found, and their counts."""

    gold: Entities
    found: Entities
    counts: Counts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a detector finds a class in a split of a corpus.

    `interval_over` says what was drawn for the intervals: documents or sentences.
    """

    corpus: str
    split: str
    entity_class: str
    detector: str
    detector_version: str
    interval_over: str
    score: Score
    match: Match


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The most frequent strings found wrongly, and missed, with how often each was."""

    false_positives: Mapping[str, int]
    false_negatives: Mapping[str, int]


def evaluate(gold: TokenGold | SpanGold, detector: Detector, entity_class: str) -> Evaluation:
    """Let a detector read the passages of a gold and compare what it finds of one class."""
    match = match_mentions(gold, detector.detect(gold.passages), entity_class)
    return Evaluation(
        corpus=gold.corpus,
        split=gold.split,
        entity_class=entity_class,
        detector=detector.name,
        detector_version=detector.version,
        interval_over="documents" if _draws_documents(gold) else "sentences",
        score=score(match.counts),
        match=match,
    )


def match_mentions(gold: TokenGold | SpanGold, mentions: pa.Table, entity_class: str) -> Match:
    """Compare mentions of one class with a gold, strictly: both ends must be equal.

    Args:
        gold: What people marked.
        mentions: Mentions in its passages (DICTIONARY_MENTIONS), of any classes.
        entity_class: The class to compare.
    """
    if isinstance(gold, SpanGold):
        is_class = np.array([kind == entity_class for kind in gold.entity_types], np.bool_)
        marked = Entities(
            gold.entities.document[is_class],
            gold.entities.start[is_class],
            gold.entities.end[is_class],
        )
        found = found_spans(gold, mentions, entity_class)
    else:
        marked = entities_of(gold, gold_tags(gold, entity_class))
        found = entities_of(gold, found_tags(gold, mentions, entity_class))
    units = _units(gold, found), _units(gold, marked)
    return Match(marked, found, count(found, marked, units, _n_units(gold)))


def mistakes(gold: Gold, match: Match, *, most: int) -> Mistakes:
    """The most frequent wrong strings.

    For train splits: rules made from what a devel or test split shows spoil its figures.
    """
    return Mistakes(
        false_positives=_frequent(gold, match.found, match.gold, most),
        false_negatives=_frequent(gold, match.gold, match.found, most),
    )


def _frequent(gold: Gold, these: Entities, those: Entities, most: int) -> dict[str, int]:
    only = ~is_in(these, those)
    wrong = Entities(these.document[only], these.start[only], these.end[only])
    counted = Counter(wrong.texts(gold.passages))
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most])


def _draws_documents(gold: Gold) -> bool:
    """Whether there are documents to draw from; one alone would give no interval."""
    return gold.has_documents and gold.passages.num_rows > 1


def _n_units(gold: Gold) -> int:
    if _draws_documents(gold):
        return gold.passages.num_rows
    return int(_n_sentences(gold.passages).sum())


def _units(gold: Gold, entities: Entities) -> Integers:
    """The document of each entity, or its sentence, counted through all documents."""
    if _draws_documents(gold):
        return entities.document
    n_sentences = _n_sentences(gold.passages)
    spans = Spans(entities.document, entities.start, entities.end, np.zeros_like(entities.start))
    within = sentence_of(gold.passages, spans)
    return (np.cumsum(n_sentences) - n_sentences)[entities.document] + within


def _n_sentences(passages: pa.Table) -> Integers:
    return compute.list_value_length(passages["sentences"]).to_numpy().astype(np.int64)
