"""A text that no format likes goes through tables and JSON lines, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from kazu_platform.documents import Document, Mention, Section, Span, surface_id
from kazu_platform.errors import SchemaError
from kazu_platform.formats.jsonl import read_jsonl, write_jsonl
from kazu_platform.formats.pubtator import from_pubtator, to_pubtator
from kazu_platform.formats.rows import from_rows, to_rows
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import DICTIONARY_MENTIONS, MENTIONS

if TYPE_CHECKING:
    from pathlib import Path

TITLE = "Breast and ovarian carcinoma of BRCA1 carriers"
NOTE = Document("note-1", (Section("title", TITLE),))


def of_note(entity_class: str, *spans: tuple[int, int]) -> Mention:
    return Mention(
        doc_id="note-1",
        section=0,
        sentence=0,
        spans=tuple(Span(start, end) for start, end in spans),
        text=" ... ".join(TITLE[start:end] for start, end in spans),
        entity_class=entity_class,
        detector="model",
        confidence=0.75,
    )


MENTIONS_OF_NOTE = (
    of_note("disease", (0, 6), (19, 28)),
    of_note("disease", (11, 28)),
    of_note("anatomy", (11, 18)),
    of_note("gene", (32, 37)),
)


def as_mentions(found: pa.Table) -> pa.Table:
    """The same as rows of MENTIONS, each linked by its string alone."""
    keys = zip(found["text"].to_pylist(), found["entity_class"].to_pylist(), strict=True)
    surfaces = pa.array([surface_id(text, entity_class, "") for text, entity_class in keys])
    contexts = pa.array([""] * found.num_rows)
    return MENTIONS.check(
        found.append_column("surface_id", surfaces).append_column("context", contexts)
    )


def test_a_discontinuous_and_a_nested_mention_go_through_tables_and_json_lines_and_back(
    tmp_path: Path,
):
    assert [mention.text for mention in MENTIONS_OF_NOTE[:3]] == [
        "Breast ... carcinoma",
        "ovarian carcinoma",
        "ovarian",
    ]
    lake, path = Lake(tmp_path / "lake"), tmp_path / "note.jsonl"
    found = to_rows([(NOTE, MENTIONS_OF_NOTE)], detector_version="7")
    lake.write(DICTIONARY_MENTIONS, found, partition="own")
    lake.write(MENTIONS, as_mentions(found), partition="own")

    from_lake = from_rows([NOTE], lake.read(MENTIONS, "own"))
    write_jsonl(path, from_lake)
    read = list(read_jsonl(path))

    assert from_lake == read == [(NOTE, MENTIONS_OF_NOTE)]
    assert to_rows(read, detector_version="7").equals(lake.read(DICTIONARY_MENTIONS, "own"))
    assert as_mentions(to_rows(read, detector_version="7")).equals(lake.read(MENTIONS, "own"))


def test_pubtator_has_the_outer_span_of_the_discontinuous_one_and_warns():
    with pytest.warns(UserWarning, match=r"note-1: .* 'Breast \.\.\. carcinoma'; its outer span"):
        written = to_pubtator(NOTE, MENTIONS_OF_NOTE)

    [(document, mentions)] = from_pubtator(written)

    assert document == NOTE
    outer = of_note("disease", (0, 28))
    assert mentions == tuple(
        replace(mention, detector="pubtator", confidence=None)
        for mention in (outer, *MENTIONS_OF_NOTE[1:])
    )


def test_a_mention_has_its_row(document: Document, mentions: tuple[Mention, ...]):
    rows = to_rows([(document, mentions)], detector_version="7")

    assert rows.slice(1, 1).to_pylist() == [
        {
            "mention_id": mentions[1].mention_id,
            "doc_id": "PMID:7",
            "content_hash": document.content_hash,
            "section": 1,
            "sentence": 0,
            "start": 0,
            "end": 25,
            "spans": [{"start": 0, "end": 6}, {"start": 19, "end": 25}],
            "text": "Breast ... cancer",
            "entity_class": "disease",
            "confidence": None,
            "detector": "dictionary",
            "detector_version": "7",
        }
    ]


def test_a_document_without_mentions_is_there_too():
    other = Document("note-2", ())

    annotated = from_rows([other, NOTE], to_rows([(NOTE, MENTIONS_OF_NOTE)], detector_version="7"))

    assert annotated == [(other, ()), (NOTE, MENTIONS_OF_NOTE)]


def test_mentions_of_another_text_are_refused():
    rows = to_rows([(NOTE, MENTIONS_OF_NOTE)], detector_version="7")
    revised = Document("note-1", (Section("title", TITLE.upper()),))

    with pytest.raises(SchemaError, match="mentions of note-1 with the text .*: it is none of the"):
        from_rows([revised], rows)
