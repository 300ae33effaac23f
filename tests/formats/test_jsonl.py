"""JSON lines: there and back without a loss."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.jsonl import from_json_line, read_jsonl, to_json_line, write_jsonl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


def test_a_file_names_the_line_that_is_wrong(
    document: Document, mentions: Mentions, tmp_path: Path
):
    path = tmp_path / "notes.jsonl"
    write_jsonl(path, [(document, mentions)])
    with path.open("ab") as file:
        file.write(b'\r\n\n{"doc_id": "a"}\n')

    read = read_jsonl(path)

    assert next(read) == (document, mentions)
    with pytest.raises(MalformedFileError) as caught:
        next(read)
    assert str(caught.value).startswith(f"{path}, line 4: no annotated document (KeyError: 'sect")


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path):
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b'{"doc_id": "a", "sections": []}\n{"doc_id": "\xe9"}\n')

    with pytest.raises(MalformedFileError, match=r"notes.jsonl, line 2: byte 0xe9 is no UTF-8"):
        list(read_jsonl(path))


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
        (lambda m: m.update(section=-1), "section is -1, should be a whole number from 0 on"),
        (lambda m: m.update(sentence=True), "sentence is True, should be a whole number"),
        (lambda m: m.update(confidence="0.5"), "confidence is '0.5', should be a number or null"),
        (
            lambda m: m.update(
                spans=[{"start": 2, "end": 5}, {"start": 0, "end": 2}], text="CA1 ... BR"
            ),
            "the spans of 'CA1 ... BR' are not in order, or overlap",
        ),
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
