"""Evaluating a detector of mentions on gold, one class at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kazu_platform.evaluation.entities import Entities, SpanGold
from kazu_platform.evaluation.scores import (
    Counts,
    LooseScore,
    Score,
    count,
    count_loosely,
    is_in,
    score,
    score_loosely,
)
from kazu_platform.evaluation.seen import SeenRecall, recall_by_seen, strings_of
from kazu_platform.evaluation.tags import entities_of, found_spans, found_tags, gold_tags
from kazu_platform.evaluation.units import draws_documents, n_units, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from kazu_platform.evaluation.entities import Gold, TokenGold
    from kazu_platform.ner.detector import Detector

    AnyGold = TokenGold | SpanGold


@dataclass(frozen=True, slots=True)
class Match:
    """The entities of one class that a gold has and those that were found, and their counts."""

    gold: Entities
    found: Entities
    counts: Counts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a detector finds a class in a split of a corpus.

    `score` is the figure that counts. It is strict: over tokens where the gold has tokens, as
    seqeval has it, else over characters. Beside it stand `characters`, strict on the characters of
    what was found whatever the gold is made of; `relaxed`, for which it is enough to overlap; and
    recall on what a train split shows and does not, None without one. `interval_over` says what was
    drawn for the intervals: documents or sentences.
    """

    corpus: str
    split: str
    entity_class: str
    detector: str
    detector_version: str
    interval_over: str
    score: Score
    match: Match
    characters: Score
    relaxed: LooseScore
    seen: SeenRecall | None


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The most frequent strings found wrongly, and missed, with how often each was."""

    false_positives: Mapping[str, int]
    false_negatives: Mapping[str, int]


def evaluate(
    gold: AnyGold, detector: Detector, entity_class: str, *, train: AnyGold | None = None
) -> Evaluation:
    """Let a detector read the passages of a gold and compare what it finds of one class.

    Args:
        gold: What people marked.
        detector: Who reads.
        entity_class: The class to compare.
        train: The train split, to tell strings that it shows from others.
    """
    found = detector.detect(gold.passages)
    return evaluate_mentions(gold, found, entity_class, of=detector, train=train)


def evaluate_mentions(
    gold: AnyGold,
    mentions: pa.Table,
    entity_class: str,
    *,
    of: Detector,
    train: AnyGold | None = None,
) -> Evaluation:
    """Compare what a detector found of one class with a gold.

    Args:
        gold: What people marked.
        mentions: Mentions in its passages (DICTIONARY_MENTIONS), of any classes.
        entity_class: The class to compare.
        of: The detector that found them, for its name and version.
        train: The train split, to tell strings that it shows from others.
    """
    match = match_mentions(gold, mentions, entity_class)
    loose = match_characters(gold, mentions, entity_class)
    units = units_of(gold, loose.found), units_of(gold, loose.gold)
    return Evaluation(
        corpus=gold.corpus,
        split=gold.split,
        entity_class=entity_class,
        detector=of.name,
        detector_version=of.version,
        interval_over="documents" if draws_documents(gold) else "sentences",
        score=score(match.counts),
        match=match,
        characters=score(loose.counts),
        relaxed=score_loosely(count_loosely(loose.found, loose.gold, units, n_units(gold))),
        seen=None if train is None else _by_seen(gold, match, train, entity_class),
    )


def match_mentions(gold: AnyGold, mentions: pa.Table, entity_class: str) -> Match:
    """Compare mentions of one class with a gold, strictly: both ends must be equal.

    Args:
        gold: What people marked.
        mentions: Mentions in its passages (DICTIONARY_MENTIONS), of any classes.
        entity_class: The class to compare.
    """
    if isinstance(gold, SpanGold):
        return match_characters(gold, mentions, entity_class)
    found = entities_of(gold, found_tags(gold, mentions, entity_class))
    return _matched(gold, marked_entities(gold, entity_class), found)


def match_characters(gold: AnyGold, mentions: pa.Table, entity_class: str) -> Match:
    """Compare mentions of one class with a gold by characters, also where the gold has tokens.

    A mention that ends within a token is wrong here, while its tags take the whole token. Of
    overlapping mentions the longest stays, one that is not contiguous by its outer span.
    """
    found = found_spans(gold, mentions, entity_class)
    return _matched(gold, marked_entities(gold, entity_class), found)


def marked_entities(gold: AnyGold, entity_class: str) -> Entities:
    """The entities of one class that people marked, by their characters."""
    if not isinstance(gold, SpanGold):
        return entities_of(gold, gold_tags(gold, entity_class))
    is_class = np.array([kind == entity_class for kind in gold.entity_types], np.bool_)
    entities = gold.entities
    return Entities(entities.document[is_class], entities.start[is_class], entities.end[is_class])


def mistakes(gold: Gold, match: Match, *, most: int) -> Mistakes:
    """The most frequent wrong strings.

    For train splits: rules made from what a devel or test split shows spoil its figures.
    """
    return Mistakes(
        false_positives=_frequent(gold, match.found, match.gold, most),
        false_negatives=_frequent(gold, match.gold, match.found, most),
    )


def _matched(gold: Gold, marked: Entities, found: Entities) -> Match:
    units = units_of(gold, found), units_of(gold, marked)
    return Match(marked, found, count(found, marked, units, n_units(gold)))


def _by_seen(gold: Gold, match: Match, train: AnyGold, entity_class: str) -> SeenRecall:
    known = strings_of(train, marked_entities(train, entity_class))
    return recall_by_seen(gold, match.gold, match.found, known)


def _frequent(gold: Gold, these: Entities, those: Entities, most: int) -> dict[str, int]:
    only = ~is_in(these, those)
    wrong = Entities(these.document[only], these.start[only], these.end[only])
    counted = Counter(wrong.texts(gold.passages))
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most])
