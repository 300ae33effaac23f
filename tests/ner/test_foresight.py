"""A document that is not read holds none of the names."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector
from kazu_platform.ner.dictionary_index import DictionaryIndex, open_dictionary_index
from kazu_platform.ner.foresight import may_hold
from tests.ner.documents import passages_in

if TYPE_CHECKING:
    from collections.abc import Sequence

CHARACTERS = st.sampled_from("aAkKs2-. \u212aİıſß²αΑＡ＊ö\u0301’\u2011")
TEXTS = st.text(CHARACTERS, max_size=12)


def index_of(names: Sequence[str], folder: Path) -> DictionaryIndex:
    n = len(names)
    synonyms = pa.table(
        {
            "ontology": pa.array(["TEST"] * n, pa.string()),
            "name": pa.array(names, pa.string()),
            "entity_class": pa.array(["gene"] * n, pa.string()),
            "case_sensitive": pa.array([False] * n, pa.bool_()),
            "in_context": pa.array([False] * n, pa.bool_()),
            "active": pa.array([True] * n, pa.bool_()),
        }
    )
    build_dictionary_index(synonyms, folder)
    return open_dictionary_index(folder)


def forms_of(index: DictionaryIndex) -> pl.Series:
    return pl.Series(index.forms.to_pylist(), dtype=pl.Binary)


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(TEXTS.filter(lambda name: any(map(str.isalnum, name))), max_size=3),
    documents=st.lists(st.lists(TEXTS, min_size=1, max_size=2), min_size=1, max_size=4),
)
def test_what_is_not_read_holds_nothing(names: list[str], documents: list[list[str]]):
    texts = [
        [*each, names[number % len(names)]] if names else each
        for number, each in enumerate(documents)
    ]
    passages = passages_in([*texts, *documents])
    with tempfile.TemporaryDirectory() as folder:
        index = index_of(names, Path(folder) / "index")
        may = may_hold(passages, forms_of(index))

        unread = passages.filter(pa.array(~may))

        assert DictionaryDetector(index).detect(unread).num_rows == 0
        read = DictionaryDetector(index).detect(passages.filter(pa.array(may)))
        assert read.num_rows == DictionaryDetector(index).detect(passages).num_rows


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("The COX-2 inhibitor", True),
        ("cox 2", True),
        ("COX (alpha) 2", False),
        ("cyclooxygenase", False),
        ("α", True),  # read, for it is written alpha
        ("naïve", False),
    ],
)
def test_documents_with_the_letters_in_a_row_are_read(text: str, tmp_path: Path, *, may: bool):
    index = index_of(["COX-2"], tmp_path / "index")

    assert may_hold(passages_in([["Other", text]]), forms_of(index)).tolist() == [may, may]


def test_without_names_nothing_is_read(tmp_path: Path):
    index = index_of([], tmp_path / "index")

    assert may_hold(passages_in([["text"]]), forms_of(index)).tolist() == [False]
