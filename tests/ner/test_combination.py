"""Combining detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kazu_platform.documents import Span, mention_id
from kazu_platform.ner.combination import combine
from kazu_platform.tables import DICTIONARY_MENTIONS

if TYPE_CHECKING:
    import pyarrow as pa


def mention(start: int, end: int, detector: str, confidence: float | None) -> dict[str, Any]:
    return {
        "mention_id": mention_id("PMID:1", 0, [Span(start, end)], "gene"),
        "doc_id": "PMID:1",
        "content_hash": "hash",
        "section": 0,
        "sentence": 0,
        "start": start,
        "end": end,
        "spans": [{"start": start, "end": end}],
        "text": "x" * (end - start),
        "entity_class": "gene",
        "confidence": confidence,
        "detector": detector,
        "detector_version": f"{detector}-1",
    }


def rows(*mentions: dict[str, Any]) -> pa.Table:
    return DICTIONARY_MENTIONS.from_rows(mentions)


def test_agreement_is_recorded_and_nothing_is_lost():
    dictionary = rows(mention(0, 4, "dictionary", None), mention(6, 9, "dictionary", None))
    model = rows(mention(0, 4, "model", 0.75), mention(0, 9, "model", 0.5))

    combined = combine([model, dictionary])

    assert combined.schema == DICTIONARY_MENTIONS.schema
    assert [
        (row["start"], row["end"], row["detector"], row["detector_version"], row["confidence"])
        for row in combined.to_pylist()
    ] == [
        (0, 4, "dictionary+model", "dictionary-1+model-1", 0.75),
        (0, 9, "model", "model-1", 0.5),
        (6, 9, "dictionary", "dictionary-1", None),
    ]


def test_the_highest_confidence_stays():
    combined = combine([rows(mention(0, 4, "a", 0.25)), rows(mention(0, 4, "b", 0.5))])

    assert combined["confidence"].to_pylist() == [0.5]


def test_one_detector_changes_nothing():
    dictionary = rows(mention(0, 4, "dictionary", None))

    assert combine([dictionary]).equals(dictionary)
    assert combine([dictionary, rows()]).equals(dictionary)
    assert combine([dictionary, dictionary]).equals(dictionary)


def test_no_detector_finds_nothing():
    assert combine([]).equals(DICTIONARY_MENTIONS.empty())
    assert combine([rows(), rows()]).num_rows == 0


def test_other_versions_of_a_text_are_other_mentions():
    new = {**mention(0, 4, "model", 0.5), "content_hash": "new"}

    assert combine([rows(mention(0, 4, "dictionary", None)), rows(new)]).num_rows == 2
