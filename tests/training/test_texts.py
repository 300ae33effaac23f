"""Texts without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kazu_platform.errors import MalformedFileError
from kazu_platform.training.filters import HeldOut, normalised
from kazu_platform.training.texts import read_texts, texts_without_held_out, unlabelled_sentences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Written = Callable[[str, str], Path]


def test_lines_of_json_are_documents_with_a_title(written: Written):
    path = written(
        "texts.jsonl",
        '{"pmid": "7", "title": "A title", "text": "One. Two.", "source": "x"}\n\n'
        '{"pmid": null, "id": "own", "text": "Three"}\n{"title": "Four"}\n{"text": ""}\n',
    )

    [rows] = read_texts(path, "jsonl")

    assert rows.select(["doc_id", "section", "name", "text"]).to_pylist() == [
        {"doc_id": "PMID:7", "section": 0, "name": "title", "text": "A title"},
        {"doc_id": "PMID:7", "section": 1, "name": "text", "text": "One. Two."},
        {"doc_id": "own", "section": 0, "name": "text", "text": "Three"},
        {"doc_id": "texts.jsonl:4", "section": 0, "name": "title", "text": "Four"},
    ]
    assert rows["sentences"].to_pylist()[1] == [{"start": 0, "end": 4}, {"start": 5, "end": 9}]


def test_plain_lines_are_documents(written: Written):
    [rows] = read_texts(written("texts.txt", "One.\n\n Two. \n"), "lines")

    assert rows.select(["doc_id", "text"]).to_pylist() == [
        {"doc_id": "texts.txt:1", "text": "One."},
        {"doc_id": "texts.txt:3", "text": "Two."},
    ]


def test_nothing_is_held_but_some_documents(written: Written, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kazu_platform.training.texts._AT_ONCE", 2)

    batches = list(read_texts(written("texts.txt", "a\nb\nc\nd\ne\n"), "lines"))

    assert [batch["text"].to_pylist() for batch in batches] == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("line", ["[1]", "{", "7", '"text"', "\N{ESCAPE}" + "[" * 100_000])
def test_a_line_that_is_no_text_is_named(written: Written, line: str):
    path = written("texts.jsonl", f'{{"text": "x"}}\n{line}\n')

    with pytest.raises(MalformedFileError, match=r"texts\.jsonl, line 2: no text"):
        list(read_texts(path, "jsonl"))


HELD_OUT = "Loss of PTEN raised the level of phosphorylated AKT1."


def test_texts_of_test_documents_are_left_out(written: Written):
    """Those of documents with a held-out sentence, too, whether they have a PMID or not."""
    path = written(
        "texts.jsonl",
        f'{{"pmid": "7", "title": "Of a test set", "text": "{HELD_OUT}"}}\n'
        f'{{"pmid": "8", "title": "A devel set", "text": "Of it: {HELD_OUT}"}}\n'
        '{"pmid": "9", "title": "Kept"}\n'
        f'{{"id": "own", "title": "A title", "text": "First. Loss of PTEN ... {HELD_OUT}"}}\n',
    )
    lines = written("texts.txt", f"{HELD_OUT.lower()}\nAnother one.\n")
    held_out = HeldOut(frozenset({"7"}), tuple(normalised([HELD_OUT]).to_list()))
    files = [("a", path, "jsonl"), ("b", lines, "lines")]

    texts, dropped = texts_without_held_out(files, held_out)

    assert texts.to_pylist() == [
        {"source": "a", "doc_id": "PMID:9", "text": "Kept"},
        {"source": "b", "doc_id": "texts.txt:2", "text": "Another one."},
    ]
    assert dropped == {"test_document": 2, "held_out_sentence": 5}


def test_no_files_are_no_texts():
    texts, _ = texts_without_held_out([], HeldOut())

    assert texts.num_rows == 0
    assert texts.column_names == ["source", "doc_id", "text"]


def test_sentences_that_nobody_marked_say_nothing():
    texts = ["One rat. Two mice.", "Three rats.", "Four. Five. Six."]

    every = unlabelled_sentences(texts, 100, seed=1)
    some = unlabelled_sentences(texts, 3, seed=1)

    assert sorted(" ".join(each) for each in every["words"].to_pylist()) == [
        *("Five .", "Four .", "One rat .", "Six .", "Three rats .", "Two mice ."),
    ]
    assert some.equals(unlabelled_sentences(texts, 3, seed=1))
    assert some.equals(every.slice(0, 3))
    assert set(every["corpus"].to_pylist()) == {"unlabelled"}
    assert all(not each for name in ("mentions", "classes") for each in every[name].to_pylist())
    assert unlabelled_sentences([], 3, seed=1).num_rows == 0
