"""What becomes of a partition whatever its documents do to the workers that read them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import log2
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kazu_platform.errors import ComputeError
from kazu_platform.execution.batching import micro_batches
from kazu_platform.execution.kept import Kept
from kazu_platform.execution.ledger import Ledger
from kazu_platform.execution.pool import Done, Lost
from kazu_platform.execution.running import run_on_pool
from kazu_platform.execution.steps import Outcome
from kazu_platform.limits import Limits
from kazu_platform.tables import PASSAGES, QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ROWS = pa.schema([("doc_id", pa.string())])
DEADLY = {"crash": "crash", "hang": "timeout", "grow": "out_of_memory"}


@dataclass
class Deaths:
    """Workers that die of the texts that say so, and answer in an order drawn beforehand.

    It keeps the rules of a pool, no more: at most `n_workers` parts at a time, one for each worker.
    """

    n_workers: int = 2
    order: list[int] = field(default_factory=list)
    n_started: int = 0
    parts: dict[int, pa.Table] = field(default_factory=dict)
    dead: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)

    def has_room(self) -> bool:
        return len(self.parts) < self.n_workers

    def give(self, task: int, passages: pa.Table, *, timeout: float) -> None:
        assert len(self.parts) < self.n_workers
        assert timeout > 0
        self.parts[task] = passages

    def wait(self) -> Sequence[Done | Lost]:
        at = self.order.pop() if self.order else 0
        task = list(self.parts)[at % len(self.parts)]
        passages = self.parts.pop(task)
        for doc_id, text in zip(
            *(passages[n].to_pylist() for n in ("doc_id", "text")), strict=True
        ):
            if text in DEADLY or (text == "once" and not self.dead[doc_id]):
                self.dead[doc_id] += 1
                return [Lost(task, DEADLY.get(text, "crash"), f"{doc_id} did it")]
        self.read.update(passages["doc_id"].to_pylist())
        return [Done(task, Outcome(passages.select(["doc_id"]).cast(ROWS), QUARANTINE.empty()))]


def passages_of(texts: list[str]) -> pa.Table:
    return PASSAGES.from_rows(
        [
            {
                "doc_id": f"PMID:{number}",
                "content_hash": f"{number:024x}",
                "section": 0,
                "name": "abstract",
                "text": text,
                "sentences": [],
            }
            for number, text in enumerate(texts)
        ]
    )


def batches_of(texts: list[str], size: int) -> Iterator[pa.Table]:
    passages = passages_of(texts)
    return (passages.slice(at, size) for at in range(0, len(texts), size))


def ids(tables: list[pa.Table]) -> list[str]:
    return [doc_id for table in tables for doc_id in table["doc_id"].to_pylist()]


def run(ledger: Ledger, pool: Deaths, limits: Limits) -> tuple[list[str], list[dict[str, str]]]:
    outcomes = list(run_on_pool(ledger, pool, limits))
    aside = [row for outcome in outcomes for row in outcome.set_aside.to_pylist()]
    return ids([outcome.rows for outcome in outcomes]), aside


PATIENT = Limits(consecutive_deaths=10_000)


@settings(deadline=None)
@given(
    texts=st.lists(st.sampled_from(["fine"] * 6 + ["once", "crash", "hang", "grow"]), max_size=40),
    size=st.integers(1, 17),
    n_workers=st.integers(1, 4),
    open_batches=st.integers(1, 6),
    order=st.lists(st.integers(0, 5), max_size=40),
)
def test_nothing_is_lost_nothing_is_twice_and_each_poison_is_named(
    texts: list[str], size: int, n_workers: int, open_batches: int, order: list[int]
):
    limits = Limits(consecutive_deaths=10_000, open_batches=open_batches)
    pool = Deaths(n_workers, order)
    ledger = Ledger(batches_of(texts, size), stage="reader", file="own", limits=limits)

    kept, aside = run(ledger, pool, limits)

    assert kept == [f"PMID:{n}" for n, text in enumerate(texts) if text not in DEADLY]
    assert [(row["doc_id"], row["reason"]) for row in aside] == [
        (f"PMID:{n}", DEADLY[text]) for n, text in enumerate(texts) if text in DEADLY
    ]
    assert set(pool.read.values()) <= {1}
    assert all(row["attempts"] == 2 for row in aside)


@settings(deadline=None)
@given(size=st.integers(1, 600), at=st.integers(0, 599))
def test_a_poison_takes_at_most_log2_n_and_two_workers(size: int, at: int):
    texts = ["crash" if number == at % size else "fine" for number in range(size)]
    pool = Deaths()
    ledger = Ledger(batches_of(texts, size), stage="reader", file="own", limits=PATIENT)

    run(ledger, pool, PATIENT)

    assert pool.dead.total() <= log2(size) + 2
    assert pool.dead.total() <= (3 if size <= 256 else 4)
    assert ledger.account.deaths == pool.dead.total()


def test_a_worker_that_dies_once_costs_no_document():
    pool = Deaths()
    ledger = Ledger(batches_of(["once"], 1), stage="reader", file="own", limits=PATIENT)

    kept, aside = run(ledger, pool, PATIENT)

    assert (kept, aside) == (["PMID:0"], [])
    assert ledger.account.deaths == 1


def test_workers_that_only_die_end_the_run_with_what_to_do():
    limits = Limits(consecutive_deaths=5)
    ledger = Ledger(batches_of(["crash"] * 64, 16), stage="model", file="own", limits=limits)

    with pytest.raises(
        ComputeError, match="model own: 6 workers died one after the other"
    ) as error:
        run(ledger, Deaths(), limits)

    assert "did it); mend the step" in str(error.value)


def test_the_budget_counts_deaths_in_a_row_not_deaths():
    limits = Limits(consecutive_deaths=7)
    texts = ["crash" if number % 16 == 7 else "fine" for number in range(160)]
    ledger = Ledger(batches_of(texts, 16), stage="model", file="own", limits=limits)

    _, aside = run(ledger, Deaths(), limits)

    assert len(aside) == 10
    assert ledger.account.deaths > 3 * limits.consecutive_deaths


def test_a_document_over_the_hard_limit_is_not_tried():
    limits = Limits(document_characters=10)
    pool = Deaths()
    batches = micro_batches(passages_of(["fine", "x" * 11, "fine"]), max_characters=5)
    ledger = Ledger(batches, stage="reader", file="own", limits=limits)

    kept, aside = run(ledger, pool, limits)

    assert kept == ["PMID:0", "PMID:2"]
    assert [(row["reason"], row["attempts"], row["detail"]) for row in aside] == [
        ("too_long", 0, "11 characters, more than 10")
    ]
    assert "PMID:1" not in pool.read


def test_rows_have_their_columns_though_no_document_is_left():
    limits = Limits(document_characters=3)
    ledger = Ledger(batches_of(["too long", "crash"], 1), stage="reader", file="own", limits=limits)

    outcomes = list(run_on_pool(ledger, Deaths(), limits))

    assert [outcome.rows.schema for outcome in outcomes] == [ROWS, ROWS]
    assert ids([outcome.set_aside for outcome in outcomes]) == ["PMID:0", "PMID:1"]


def test_no_more_batches_are_read_than_may_be_open():
    read = 0

    def batches() -> Iterator[pa.Table]:
        nonlocal read
        for batch in batches_of(["crash"] + ["fine"] * 99, 1):
            read += 1
            yield batch

    limits = Limits(open_batches=3)
    ledger = Ledger(batches(), stage="reader", file="own", limits=limits)
    outcomes = run_on_pool(ledger, Deaths(1), limits)

    for given_out, _ in enumerate(outcomes):
        assert read <= given_out + 1 + limits.open_batches
    assert read == 100


def test_too_many_documents_set_aside_are_a_bad_step():
    limits = Limits(set_aside=3)
    texts = ["crash", "fine"] * 10
    ledger = Ledger(batches_of(texts, 2), stage="reader", file="own", limits=limits)

    with pytest.raises(ComputeError, match="reader own: more than 3 documents failed"):
        run(ledger, Deaths(), limits)


@dataclass(frozen=True)
class Named:
    name: str = "reader"
    version: str = "1"
    only: str = ""


@settings(deadline=None)
@given(
    texts=st.lists(st.sampled_from(["fine", "fine", "fine", "crash"]), min_size=1, max_size=30),
    size=st.integers(1, 8),
    given_out=st.integers(0, 30),
)
def test_a_run_that_ended_half_way_is_continued(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int, given_out: int
):
    """What was given out is not read again, poisons among it are not tried again."""
    kept = Kept(tmp_path_factory.mktemp("kept"), Named(), file="own")  # pyright: ignore[reportArgumentType]
    first = Ledger(batches_of(texts, size), stage="reader", file="own", limits=PATIENT, kept=kept)
    stopped = run_on_pool(first, Deaths(), PATIENT)
    before = [outcome for _, outcome in zip(range(given_out), stopped, strict=False)]
    stopped.close()

    pool = Deaths()
    second = Ledger(batches_of(texts, size), stage="reader", file="own", limits=PATIENT, kept=kept)
    rows, aside = run(second, pool, PATIENT)

    assert rows == [f"PMID:{n}" for n, text in enumerate(texts) if text == "fine"]
    assert [row["doc_id"] for row in aside] == [
        f"PMID:{n}" for n, text in enumerate(texts) if text == "crash"
    ]
    assert not set(ids([outcome.rows for outcome in before])) & set(pool.read)
    assert not set(ids([outcome.set_aside for outcome in before])) & set(pool.dead)
    assert second.account.documents_reused >= sum(
        outcome.rows.num_rows + outcome.set_aside.num_rows for outcome in before
    )


def test_another_version_or_another_text_is_not_what_was_kept(tmp_path: Path):
    batch = passages_of(["Aspirin inhibits COX-1."])
    outcome = Outcome(batch.select(["doc_id"]), QUARANTINE.empty())
    kept = Kept(tmp_path, Named(), file="own")  # pyright: ignore[reportArgumentType]
    kept.put(kept.key(batch), outcome)

    newer = Kept(tmp_path, Named(version="2"), file="own")  # pyright: ignore[reportArgumentType]
    other = Kept(tmp_path, Named(only="genes"), file="own")  # pyright: ignore[reportArgumentType]

    assert kept.get(kept.key(batch)) == outcome
    assert newer.get(newer.key(batch)) is None
    assert other.get(other.key(batch)) is None
    patient = Kept(tmp_path, Named(), file="own", limits="600 s")  # pyright: ignore[reportArgumentType]
    assert patient.get(patient.key(batch)) is None
    assert kept.get(kept.key(passages_of(["Aspirin inhibits COX-2."]))) is None


def test_the_same_rows_have_the_same_key_wherever_they_lie(tmp_path: Path):
    kept = Kept(tmp_path, Named(), file="own")  # pyright: ignore[reportArgumentType]
    passages = passages_of(["a", "Aspirin", "b"])

    assert kept.key(passages.slice(1, 1)) == kept.key(
        PASSAGES.from_rows(passages.slice(1, 1).to_pylist())
    )


def test_a_file_that_was_not_written_to_its_end_is_not_there(tmp_path: Path):
    batch = passages_of(["Aspirin"])
    kept = Kept(tmp_path, Named(), file="own")  # pyright: ignore[reportArgumentType]
    kept.put(kept.key(batch), Outcome(batch, QUARANTINE.empty()))
    (path,) = kept.folder.iterdir()
    path.write_bytes(path.read_bytes()[:-9])

    assert kept.get(kept.key(batch)) is None


def test_what_was_kept_can_be_cleared(tmp_path: Path):
    batch = passages_of(["Aspirin"])
    kept = Kept(tmp_path, Named(), file="own")  # pyright: ignore[reportArgumentType]
    kept.put(kept.key(batch), Outcome(batch, QUARANTINE.empty()))

    kept.clear()

    assert not kept.folder.exists()
    kept.clear()
