"""A poison document costs itself only."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kazu_platform.execution.batching import micro_batches
from kazu_platform.execution.steps import Outcome
from kazu_platform.tables import PASSAGES, QUARANTINE

RunInline = Callable[..., Iterator[Outcome]]
ROWS = pa.schema([("doc_id", pa.string()), ("section", pa.int32())])


@dataclass
class Reader:
    """Copies the ids of its passages, and raises where a text says so."""

    name: str = "reader"
    version: str = "1"
    calls: Counter[str] = field(default_factory=Counter)

    def open(self) -> Callable[[pa.Table], pa.Table]:
        self.calls["open"] += 1

        def read(passages: pa.Table) -> pa.Table:
            self.calls["read"] += 1
            texts = passages["text"].to_pylist()
            if "poison" in texts:
                raise ValueError("cannot read this")
            if "huge" in texts:
                raise MemoryError
            if "stop" in texts:
                raise KeyboardInterrupt
            if "once" in texts and (len(texts) > 1 or not self.calls["once"]):
                self.calls["once"] += len(texts) == 1
                raise OSError("the disk was busy")
            return passages.select(ROWS.names).cast(ROWS)

        return read


def passages_of(texts: list[str], sections: int = 1) -> pa.Table:
    return PASSAGES.from_rows(
        [
            {
                "doc_id": f"PMID:{number}",
                "content_hash": f"{number:024x}",
                "section": section,
                "name": "abstract",
                "text": text if section == sections - 1 else "a title",
                "sentences": [],
            }
            for number, text in enumerate(texts)
            for section in range(sections)
        ]
    )


def test_four_poisons_among_four_hundred_cost_four_documents(run_inline: RunInline):
    texts = ["poison" if number in {0, 57, 58, 399} else "fine" for number in range(400)]
    batches = micro_batches(passages_of(texts, sections=2), max_characters=300)

    outcomes = list(run_inline(Reader(), batches))

    rows = pa.concat_tables([outcome.rows for outcome in outcomes])
    aside = pa.concat_tables([outcome.set_aside for outcome in outcomes])
    kept = [number for number in range(400) if number not in {0, 57, 58, 399}]
    assert rows["doc_id"].to_pylist() == [f"PMID:{n}" for n in kept for _ in range(2)]
    assert aside["doc_id"].to_pylist() == ["PMID:0", "PMID:57", "PMID:58", "PMID:399"]


def test_a_document_set_aside_says_why(run_inline: RunInline):
    (outcome,) = run_inline(Reader(), [passages_of(["fine", "poison"])])

    (row,) = outcome.set_aside.drop_columns(["at"]).to_pylist()
    assert outcome.set_aside.schema.equals(QUARANTINE.schema)
    assert row == {
        "doc_id": "PMID:1",
        "stage": "reader",
        "reason": "error",
        "detail": "ValueError: cannot read this",
        "attempts": 2,
        "content_hash": f"{1:024x}",
        "file": "pubmed26n0001",
        "position": None,
    }


def test_a_document_that_needs_too_much_memory_is_told_from_one_with_an_error(
    run_inline: RunInline,
):
    (outcome,) = run_inline(Reader(), [passages_of(["huge", "fine"])])

    assert outcome.set_aside["reason"].to_pylist() == ["out_of_memory"]
    assert outcome.set_aside["detail"].to_pylist() == ["MemoryError"]
    assert outcome.rows["doc_id"].to_pylist() == ["PMID:1"]


def test_a_document_that_fails_once_is_kept(run_inline: RunInline):
    (outcome,) = run_inline(Reader(), [passages_of(["fine", "once", "fine"])])

    assert outcome.rows["doc_id"].to_pylist() == ["PMID:0", "PMID:1", "PMID:2"]
    assert outcome.set_aside.num_rows == 0


def test_a_batch_of_poisons_alone_still_has_rows_of_the_right_kind(run_inline: RunInline):
    (outcome,) = run_inline(Reader(), [passages_of(["poison", "poison"])])

    assert outcome.rows.schema.equals(ROWS)
    assert outcome.rows.num_rows == 0
    assert outcome.set_aside.num_rows == 2


def test_the_step_is_opened_once_and_a_good_batch_is_read_once(run_inline: RunInline):
    reader = Reader()

    outcomes = list(run_inline(reader, [passages_of(["a"]), passages_of(["b"])]))

    assert len(outcomes) == 2
    assert reader.calls == {"open": 1, "read": 2}


def test_one_poison_costs_few_further_calls(run_inline: RunInline):
    reader = Reader()
    texts = ["poison" if number == 300 else "fine" for number in range(1024)]

    list(run_inline(reader, [passages_of(texts)]))

    assert reader.calls["read"] <= 2 * 10 + 2


def test_an_interrupt_is_not_held_back(run_inline: RunInline):
    with pytest.raises(KeyboardInterrupt):
        list(run_inline(Reader(), [passages_of(["fine", "stop"])]))


def test_a_step_that_fails_on_everything_fails_instead_of_setting_all_aside(run_inline: RunInline):
    batches = [passages_of(["poison"] * 5)]

    with pytest.raises(ValueError, match="cannot read this") as raised:
        list(run_inline(Reader(), batches, max_set_aside=3))

    (note,) = raised.value.__notes__
    assert note == (
        "reader pubmed26n0001: more than 3 documents failed; mend the step, or allow more by "
        "max_set_aside."
    )


def test_progress_is_told_the_documents_of_each_batch(run_inline: RunInline):
    told: list[int] = []
    batches = [passages_of(["a", "poison", "c"], sections=2), passages_of([]), passages_of(["d"])]

    outcomes = list(run_inline(Reader(), batches, progress=told.append))

    assert told == [3, 1]
    assert len(outcomes) == 2


def test_a_step_pickles():
    assert pickle.loads(pickle.dumps(Reader())) == Reader()  # noqa: S301 - we made it


@given(
    texts=st.lists(st.sampled_from(["fine", "fine", "fine", "poison", "huge"]), max_size=30),
    limit=st.integers(1, 60),
)
def test_nothing_is_lost_and_nothing_is_there_twice(
    texts: list[str], limit: int, run_inline: RunInline
):
    batches = micro_batches(passages_of(texts), max_characters=limit)

    outcomes = list(run_inline(Reader(), batches))

    kept = [doc for outcome in outcomes for doc in outcome.rows["doc_id"].to_pylist()]
    aside = [doc for outcome in outcomes for doc in outcome.set_aside["doc_id"].to_pylist()]
    assert kept == [f"PMID:{n}" for n, text in enumerate(texts) if text == "fine"]
    assert aside == [f"PMID:{n}" for n, text in enumerate(texts) if text != "fine"]
