"""Keeping test sets out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.arrow import compute
from kazu_platform.errors import ConfigurationError, MalformedFileError
from kazu_platform.evaluation.iob import parse_iob
from kazu_platform.tables import ENTITY_CLASSES
from kazu_platform.training.corpora import read_marked
from kazu_platform.training.filters import (
    HELD_OUT_SENTENCE,
    SHORTEST,
    TEST_DOCUMENT,
    HeldOut,
    held_among,
    held_out_version,
    normalised,
    of_test_documents,
    overlap,
    read_held_out,
    training_data,
    without_held_out,
)
from kazu_platform.training.labelling import labelled

if TYPE_CHECKING:
    from collections.abc import Callable

    Written = Callable[[str, str], Path]

LONG = "Tumour necrosis factor alpha rose in all of the treated mice ."
SAME = "Tumour necrosis factor-α rose in ALL of the treated mice"
OTHER = "Nothing of the kind was ever seen in the untreated animals ."


def rows_of(*documents: tuple[str, str], split: str = "train", corpus: str = "c") -> pa.Table:
    """A sentence for each document; tokens are joined by blanks."""
    lines: list[str] = []
    for name, text in documents:
        lines += [f"-DOCSTART- {name}\tO", "", *(f"{word}\tO" for word in text.split()), ""]
    gold = parse_iob(Path("c.tsv"), "\n".join(lines), corpus=corpus, split=split)
    return labelled(gold, ["gene"])


def documents(rows: pa.Table) -> list[str]:
    return rows["doc_id"].to_pylist()


def test_a_test_document_goes_whatever_its_id_looks_like():
    rows = rows_of(("7", "a b"), ("PMID-8", "c"), ("PMC-7", "d"), ("77", "e"), ("?", "f"))

    filtered = without_held_out(rows, HeldOut(frozenset({"7", "8"})))

    assert documents(filtered.rows) == ["PMC-7", "77", None]
    assert filtered.dropped == {("c", TEST_DOCUMENT): 2}
    assert of_test_documents(pa.chunked_array([["PMID:7"]]), frozenset({"7"})).tolist() == [True]


def test_ids_that_are_no_pmids_are_not_compared():
    rows = rows_of(("7", "a b"))

    assert without_held_out(rows, HeldOut(frozenset({"7"})), pmids=False).rows.equals(rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("test.tsv", f"{SAME.replace(' ', chr(9) + 'X' + chr(10))}\n\nOther\tO\n"),
        ("devel.PubTator", f"7|t|Title\n7|a|First. {SAME}. Last.\n"),
        ("below/test.txt", f"First. {SAME}. Last.\n"),
    ],
)
def test_a_held_out_sentence_goes_however_it_is_written(
    written: Written, tmp_path: Path, name: str, content: str
):
    written(name, content)
    written("train.tsv", f"{OTHER}\n")
    rows = rows_of(("1", LONG), ("2", OTHER))

    held_out = read_held_out([], [tmp_path])

    assert held_among(rows, held_out) == [LONG]
    filtered = without_held_out(rows, held_out)
    assert documents(filtered.rows) == ["2"]
    assert filtered.dropped == {("c", HELD_OUT_SENTENCE): 1}
    assert held_among(filtered.rows, held_out) == []


def test_a_sentence_cut_otherwise_is_the_same():
    held_out = HeldOut(sentences=tuple(normalised([f"{LONG} {OTHER}"]).to_list()))

    assert without_held_out(rows_of(("1", LONG)), held_out).rows.num_rows == 0
    longer = HeldOut(sentences=tuple(normalised([LONG]).to_list()))
    assert without_held_out(rows_of(("1", f"{LONG} {OTHER}")), longer).rows.num_rows == 0


def test_what_everybody_writes_is_no_reason():
    short = "Cells were washed twice ."
    held_out = HeldOut(sentences=tuple(normalised([short]).to_list()))

    assert without_held_out(rows_of(("1", short)), held_out).rows.num_rows == 1


def test_devel_is_held_out_of_train_and_keeps_its_own():
    train = rows_of(("1", LONG), ("2", OTHER), ("3", "x"))
    devel = rows_of(("4", SAME), ("5", "y"), split="devel")

    filtered = training_data({"train": train, "devel": devel}, HeldOut(frozenset({"3", "5"})))

    assert documents(filtered.rows) == ["2", "4"]
    assert filtered.dropped == {("c", TEST_DOCUMENT): 2, ("c", HELD_OUT_SENTENCE): 1}


def test_pmids_come_one_a_line(written: Written):
    path = written("pmids.txt", "# those of test\n7\n\nPMID:8\n")

    assert read_held_out([path], []).pmids == {"7", "8"}
    with pytest.raises(MalformedFileError, match=r"pmids\.txt, line 2: 'PMC9' is no PMID"):
        read_held_out([written("pmids.txt", "7\nPMC9\n")], [])


def test_a_place_without_a_test_set_is_an_error(tmp_path: Path, written: Written):
    written("train.tsv", "x\tO\n")

    with pytest.raises(ConfigurationError, match="has no test or devel set"):
        read_held_out([], [tmp_path])
    with pytest.raises(ConfigurationError, match="correct `test_pmids` or `held_out`"):
        held_out_version([tmp_path / "none.txt"], [])


def test_the_version_changes_with_what_is_held_out(written: Written):
    path = written("test.txt", LONG)
    before = held_out_version([], [path])

    assert held_out_version([], [path]) == before
    assert held_out_version([path], []) != before
    written("test.txt", OTHER)
    assert held_out_version([], [path]) != before


PIECES = st.lists(st.sampled_from(["a" * 30, "b" * 25, "ab" * 20, "c" * SHORTEST, "α", "𝒳"]))
TEXTS = st.lists(PIECES.map("".join), max_size=6)


@given(TEXTS, TEXTS)
def test_texts_overlap_where_one_is_part_of_the_other(texts: list[str], others: list[str]):
    long = [other for other in others if len(other) >= SHORTEST]

    expected = [
        len(text) >= SHORTEST and any(text in other or other in text for other in long)
        for text in texts
    ]

    assert overlap(texts, others).tolist() == expected


def test_texts_of_any_number_are_compared_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kazu_platform.training.filters._AT_ONCE", 100)
    texts = [f"{number:040d}" for number in range(50)]

    assert overlap(texts, texts[10:20]).tolist() == [10 <= row < 20 for row in range(50)]


def test_real_devel_sentences_are_found_among_real_train_sentences(test_data: Path):
    """Sentences are put into a corpus that is another's: tokens of JNLPBA keep their hyphens."""
    folder = test_data / "ner"
    held_out = read_held_out([folder / "benchmark_test_pmids.txt"], [folder / "JNLPBA"])
    names = (
        "NCBI-disease",
        "JNLPBA",
        "bioid-cellline",
        "gnormplus",
        "linnaeus",
        "nlm-gene",
        "s800",
    )
    devel = pa.concat_tables(
        labelled(
            read_marked(folder / name / "devel.tsv", "iob2", name, "devel"), ENTITY_CLASSES[:6]
        )
        for name in names
    )
    of_jnlpba = compute.equal(devel["corpus"], "JNLPBA")
    long = normalised([" ".join(words) for words in devel["words"].to_pylist()])
    is_long = pa.array((long.str.len_chars() >= SHORTEST).to_list())

    filtered = without_held_out(devel, held_out)

    wanted = devel.filter(compute.and_(of_jnlpba, is_long)).num_rows
    assert filtered.dropped["JNLPBA", HELD_OUT_SENTENCE] == wanted > 1_500
    others = {corpus for corpus, _ in filtered.dropped} - {"JNLPBA"}
    assert sum(filtered.dropped[corpus, HELD_OUT_SENTENCE] for corpus in others) < 10
    assert len(held_out.pmids) == 2142
