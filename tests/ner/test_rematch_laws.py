"""Matching again what is touched gives what the new dictionary finds in all of the text."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kazu_platform.ner.compile import build_dictionary_index
from kazu_platform.ner.dictionary import DictionaryDetector, dictionary_version
from kazu_platform.ner.dictionary_index import open_dictionary_index
from kazu_platform.ner.difference import index_of, touched_names
from kazu_platform.ner.rematch import exchange, rematch
from kazu_platform.tables import DICTIONARY_MENTIONS
from tests.ner.documents import passages_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kazu_platform.ner.dictionary_index import DictionaryIndex

Row = tuple[str, str, bool, bool]

WORDS = ["was", "WAS", "cat", "CAT", "A2", "A-2", "A 2", "ö", "ő", "S2", "s2", "TNF-α", "tnf alpha"]
NAMES = st.sampled_from(WORDS) | st.tuples(*[st.sampled_from(WORDS)] * 2).map(" ".join)
ROWS = st.tuples(
    NAMES, st.sampled_from(["gene", "disease", "cell_line"]), st.booleans(), st.booleans()
)
SECTIONS = st.lists(st.sampled_from([*WORDS, "cells", ",", "line"]), max_size=9).map(" ".join)
DOCUMENTS = st.lists(st.lists(SECTIONS, max_size=3), max_size=4)


def compiled(rows: Sequence[Row], folder: Path) -> DictionaryIndex:
    columns = list(zip(*rows, strict=True)) or [[]] * 4
    synonyms = pa.table(
        {
            "ontology": pa.array(["TEST"] * len(rows), pa.string()),
            "name": pa.array(columns[0], pa.string()),
            "entity_class": pa.array(columns[1], pa.string()),
            "case_sensitive": pa.array(columns[2], pa.bool_()),
            "in_context": pa.array(columns[3], pa.bool_()),
            "active": pa.array([True] * len(rows), pa.bool_()),
        }
    )
    build_dictionary_index(synonyms, folder)
    return open_dictionary_index(folder)


def found(mentions: pa.Table) -> list[tuple[object, ...]]:
    columns = ("doc_id", "section", "text", "entity_class")
    return list(zip(*(mentions[name].to_pylist() for name in columns), strict=True))


@settings(max_examples=150, deadline=None)
@given(
    before=st.lists(ROWS, unique=True, max_size=10),
    after=st.lists(ROWS, unique=True, max_size=4),
    n_kept=st.integers(0, 10),
    documents=DOCUMENTS,
)
@example(
    before=[("S2", "gene", True, True), ("S2", "cell_line", True, True)],
    after=[],
    n_kept=1,
    documents=[["S2 cells"]],
)
def test_matching_again_gives_what_a_full_detection_gives(
    before: list[Row], after: list[Row], n_kept: int, documents: list[list[str]]
):
    passages = passages_in(documents)
    with tempfile.TemporaryDirectory() as folder:
        old = compiled(before, Path(folder) / "old")
        new = compiled([*before[:n_kept], *after], Path(folder) / "new")
        known = DictionaryDetector(old).detect(passages)
        wanted = DictionaryDetector(new).detect(passages)

        touched = touched_names(old, new)

        again = rematch(known, passages, touched, new)
        few = DictionaryDetector(index_of(touched, new))
        counts = exchange(known, touched, few.detect(passages))

    assert again.drop(["detector_version"]).equals(wanted.drop(["detector_version"]))
    earlier, later = set(known["mention_id"].to_pylist()), set(wanted["mention_id"].to_pylist())
    assert (counts.n_lost, counts.n_gained) == (len(earlier - later), len(later - earlier))
    assert counts.n_kept == len(earlier & later)
    versions = dict(
        zip(*(again[n].to_pylist() for n in ("mention_id", "detector_version")), strict=True)
    )
    assert {each: dictionary_version(old.manifest) for each in earlier & later} == {
        each: version for each, version in versions.items() if each in earlier
    }
    assert {versions[each] for each in later - earlier} <= {dictionary_version(new.manifest)}
    assert (again is known) is (earlier == later)


@settings(max_examples=100, deadline=None)
@given(
    before=st.lists(ROWS, unique=True, max_size=10), after=st.lists(ROWS, unique=True, max_size=10)
)
def test_touched_is_every_form_whose_names_differ(before: list[Row], after: list[Row]):
    with tempfile.TemporaryDirectory() as folder:
        old = compiled(before, Path(folder) / "old")
        new = compiled(after, Path(folder) / "new")

        touched = touched_names(old, new)
        names = [names_by_form(index) for index in (old, new)]

    assert touched.forms.rows() == sorted(
        form for form in {*names[0], *names[1]} if names[0].get(form) != names[1].get(form)
    )


def names_by_form(index: DictionaryIndex) -> dict[tuple[str, bytes], set[tuple[object, ...]]]:
    """One name after the other."""
    forms: list[bytes] = index.patterns["form"].to_pylist()
    names = index.names.to_pylist()
    found: dict[tuple[str, bytes], set[tuple[object, ...]]] = {}
    for pattern, form in enumerate(forms):
        for name in names[index.first_names[pattern] : index.first_names[pattern + 1]]:
            place = (index.manifest.classes[name["entity_class"]], form)
            found.setdefault(place, set()).add((name["rule"], name["marked"], name["lossy"]))
    return found


def test_a_case_rule_loses_what_it_forbids_and_keeps_the_rest(tmp_path: Path):
    passages = passages_in([["WAS was fine", "was"], ["WAS"], ["cats"]])
    old = compiled(
        [("WAS", "gene", False, False), ("fine", "disease", False, False)], tmp_path / "old"
    )
    new = compiled(
        [("WAS", "gene", True, False), ("fine", "disease", False, False)], tmp_path / "new"
    )
    touched = touched_names(old, new)

    again = rematch(DictionaryDetector(old).detect(passages), passages, touched, new)

    assert touched.forms.rows() == [("gene", b" was ")]
    assert found(again) == [
        ("PMID:0", 0, "WAS", "gene"),
        ("PMID:0", 0, "fine", "disease"),
        ("PMID:1", 0, "WAS", "gene"),
    ]


def test_equal_indices_touch_nothing_and_give_back_the_very_table(tmp_path: Path):
    passages = passages_in([["WAS was fine"]])
    rows = [("WAS", "gene", False, False)]
    old, new = compiled(rows, tmp_path / "old"), compiled(rows, tmp_path / "new")
    known = DictionaryDetector(old).detect(passages)

    touched = touched_names(old, new)

    assert len(touched) == 0
    assert rematch(known, passages, touched, new) is known


def test_no_mentions_and_no_passages_stay_none(tmp_path: Path):
    old = compiled([], tmp_path / "old")
    new = compiled([("WAS", "gene", False, False)], tmp_path / "new")

    again = rematch(DICTIONARY_MENTIONS.empty(), passages_in([]), touched_names(old, new), new)

    assert again.num_rows == 0
    assert isinstance(touched_names(new, old).forms, pl.DataFrame)
