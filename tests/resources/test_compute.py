"""What a run over a partition takes from one that was killed."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from kazu_platform.execution.inline import InlinePool
from kazu_platform.tables import PASSAGES
from resources.compute import ComputeResource, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa


@dataclass(frozen=True)
class Ids:
    """Reads nothing but ids."""

    name: str = "ids"
    version: str = "1"

    def open(self) -> Callable[[pa.Table], pa.Table]:
        return lambda passages: passages.select(["doc_id"])


def n_reused(folder: Path, step: Ids, **changed: object) -> int:
    """Documents of a run that an earlier one had finished."""
    plain: dict[str, Any] = {"unfinished": str(folder), **changed}
    texts = {"doc_id": "PMID:7", "content_hash": "a", "section": 0, "name": "title"}
    passages = PASSAGES.from_rows([{**texts, "text": "Aspirin.", "sentences": []}])
    work = ComputeResource(**plain).run(step, [passages], file="own")
    assert [outcome.rows.num_rows for outcome in work] == [1]
    return work.account.documents_reused


def _no_ray(
    _: ComputeResource, step: Ids, file: str, _mode: str
) -> AbstractContextManager[InlinePool]:
    return nullcontext(InlinePool(step, file=file, max_set_aside=0))


@pytest.mark.parametrize(
    "changed",
    [
        {"workers": 7},
        {"consecutive_deaths": 3},
        {"max_set_aside": 5},
        {"mode": "local"},
        {"mode": "address", "address": "127.0.0.1:1"},
    ],
)
def test_finished_batches_are_found_wherever_the_rest_is_done(
    tmp_path: Path, changed: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    assert n_reused(tmp_path, Ids()) == 0
    monkeypatch.setattr(ComputeResource, "_pool", _no_ray)

    assert n_reused(tmp_path, Ids(), **changed) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"memory_mib": 10},
        {"timeout_seconds": 1.0},
        {"seconds_per_million_characters": 1.0},
        {"document_characters": 100},
    ],
)
def test_what_may_be_set_aside_by_other_limits_is_tried_again(
    tmp_path: Path, changed: dict[str, object]
):
    assert n_reused(tmp_path, Ids()) == 0

    assert n_reused(tmp_path, Ids(), **changed) == 0


def test_another_version_of_the_step_does_everything_again(tmp_path: Path):
    assert n_reused(tmp_path, Ids()) == 0

    assert n_reused(tmp_path, Ids(version="2")) == 0


def test_where_affinity_is_unknown_there_is_a_worker_for_each_core(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)

    assert ComputeResource(mode="local").n_workers == 3


def test_passages_that_stream_are_read_as_they_are_needed_though_somebody_watches():
    text = {"content_hash": "a", "section": 0, "name": "title", "text": "Aspirin.", "sentences": []}
    tables = [PASSAGES.from_rows([{"doc_id": f"PMID:{number}", **text}]) for number in range(50)]
    read: list[int] = []
    told: list[tuple[str, str, int, int | None]] = []

    def stream() -> Iterator[pa.Table]:
        for number, table in enumerate(tables):
            read.append(number)
            yield table

    with watched(lambda *what: told.append(what)):
        streamed = iter(ComputeResource().run(Ids(), stream(), file="stream"))
        next(streamed)
        n_read = len(read)
        list(ComputeResource().run(Ids(), tables, file="whole"))

    assert 1 <= n_read < 50
    assert told[0] == ("ids", "stream", 1, None)
    assert told[-1] == ("ids", "whole", 50, 50)
