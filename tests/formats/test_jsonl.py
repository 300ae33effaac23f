"""JSON lines: there and back without a loss."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.jsonl import from_json_line, to_json_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from kazu_platform.documents import Document, Mention

    Mentions = tuple[Mention, ...]


def test_nested_and_discontinuous_mentions_come_back_with_their_links(
    document: Document, mentions: Mentions
):
    assert from_json_line(to_json_line(document, mentions)) == (document, mentions)


def test_a_mention_is_written_with_its_name_and_its_outer_span(
    document: Document, mentions: Mentions
):
    body = json.loads(to_json_line(document, mentions))

    assert body["mentions"][1] == {
        "mention_id": mentions[1].mention_id,
        "start": 0,
        "end": 25,
        "section": 1,
        "sentence": 0,
        "spans": [{"start": 0, "end": 6}, {"start": 19, "end": 25}],
        "text": "Breast ... cancer",
        "entity_class": "disease",
        "detector": "dictionary",
        "confidence": None,
        "links": [
            {
                "concept_id": "MONDO:0007254",
                "ontology": "MONDO",
                "label": "breast cancer",
                "rank": 1,
                "score": 0.95,
                "method": "exact",
            },
            {
                "concept_id": "DOID:1612",
                "ontology": "DOID",
                "label": "breast cancer",
                "rank": 2,
                "score": 0.5,
                "method": "normalised",
            },
        ],
    }


def test_letters_stay_readable(document: Document):
    assert "İ TNF-α" in to_json_line(document, ())


def test_a_document_without_mentions_may_leave_them_out():
    line = '{"doc_id": "a", "sections": []}'

    document, mentions = from_json_line(line)

    assert (document.doc_id, document.sections, mentions) == ("a", (), ())


def changed(document: Document, mentions: Mentions, change: Callable[[Any], object]) -> str:
    body = json.loads(to_json_line(document, mentions))
    change(body)
    return json.dumps(body)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "JSONDecodeError"),
        ("PMID:7|t|BRCA1", "JSONDecodeError"),
        ("[" * 100_000, "RecursionError"),
        ("[]", "TypeError"),
        ("7", "TypeError"),
        ('{"sections": []}', "KeyError: 'doc_id'"),
        ('{"doc_id": 7, "sections": []}', "doc_id is 7, should be a string"),
        ('{"doc_id": "a", "sections": [{"name": "t", "text": null}]}', "text is None"),
        ('{"doc_id": "a", "sections": [], "mentions": [7]}', "TypeError"),
    ],
)
def test_a_line_that_is_no_document_is_named(line: str, why: str):
    with pytest.raises(MalformedFileError) as caught:
        from_json_line(line, path="notes.jsonl", number=12)

    message = str(caught.value)
    assert message.startswith("notes.jsonl, line 12: no annotated document (")
    assert why in message


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: m.pop("links"), "KeyError: 'links'"),
        (lambda m: m["links"][0].pop("score"), "score"),
        (lambda m: m["spans"].append({"start": 5, "end": 5}), "0 <= start < end, got 5 and 5"),
        (lambda m: m.update(section=2), "IndexError"),
        (lambda m: m.update(spans=[]), "''"),
        (lambda m: m["spans"][0].update(end=4), "'BRCA1' stands where the text has 'BRCA'"),
    ],
)
def test_a_mention_that_does_not_fit_its_text_is_named(
    document: Document, mentions: Mentions, change: Callable[[Any], object], why: str
):
    line = changed(document, mentions, lambda body: change(body["mentions"][0]))

    with pytest.raises(MalformedFileError) as caught:
        from_json_line(line, path="notes.jsonl", number=3)

    assert str(caught.value).startswith("notes.jsonl, line 3: ")
    assert why in str(caught.value)
