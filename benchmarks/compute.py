"""What does it cost to run a step on Ray rather than here, and what does a poison document cost?

Question: what the pool adds per document to a step that does nothing and to one of 5 ms, on real
abstracts; how much faster two workers of one thread are than one; how much memory a stream of tiny
documents takes; how many workers and seconds poison documents cost beside a clean run.

Inside the clock: cutting micro-batches, sending them to workers on this machine, the step, the
answers, their order. Not inside: starting Ray and the first workers (given beside), reading the
abstracts. Every ratio is of medians of one run of this program.

What would make it lie: other programs on the same cores (Ray's own processes need some too); the
5 ms are slept, as those of a GPU are for the CPU; a poison here dies at once, and what a real one
does until then comes on top; opening these steps takes no time, opening a model does, each start.

    python benchmarks/compute.py [--documents 10000] [--tiny 1000000] [--repeats 3] [--only NAME]
"""

from __future__ import annotations

import gzip
import json
import math
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from timing import measure, options_of, peak_memory_bytes, report, spread

from kazu_platform.tables import PASSAGES
from resources.compute import ComputeResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

ROWS = pa.schema([("doc_id", pa.string())])
POISONED = 2_000
SHARE = 0.01
SLOW_SECONDS = 0.005
TIMEOUT = 1.0
TINY_AT_ONCE = 20_000
TINY_TEXT = "BRCA1 in breast cancer."


@dataclass(frozen=True)
class Nothing:
    """Gives back the ids."""

    name: str = "nothing"
    version: str = "1"

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Nothing to open."""
        return lambda passages: passages.select(["doc_id"]).cast(ROWS)


@dataclass(frozen=True)
class Slow:
    """Waits so long for each document."""

    seconds: float = SLOW_SECONDS
    name: str = "slow"
    version: str = "1"

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Nothing to open."""

        def work(passages: pa.Table) -> pa.Table:
            time.sleep(self.seconds * passages.num_rows)
            return passages.select(["doc_id"]).cast(ROWS)

        return work


@dataclass(frozen=True)
class Busy:
    """Computes in Python, in one thread."""

    rounds: int = 10_000
    name: str = "busy"
    version: str = "1"

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Nothing to open."""

        def work(passages: pa.Table) -> pa.Table:
            total = 0
            for text in passages["text"].to_pylist():
                for number in range(self.rounds):
                    total ^= number * len(text)
            return passages.select(["doc_id"]).cast(ROWS)

        return work


@dataclass(frozen=True)
class Mortal:
    """Exits, or hangs, on texts that say so."""

    name: str = "mortal"
    version: str = "1"

    def open(self) -> Callable[[pa.Table], pa.Table]:
        """Nothing to open."""

        def work(passages: pa.Table) -> pa.Table:
            texts = passages["text"].to_pylist()
            if "exit" in texts:
                os._exit(1)
            if "hang" in texts:
                time.sleep(10_000)
            return passages.select(["doc_id"]).cast(ROWS)

        return work


def be_busy(passages: pa.Table) -> int:
    """The busy step in a process of one's own."""
    return Busy().open()(passages).num_rows


def read_passages(data: Path, count: int) -> pa.Table:
    """The first abstracts, with their titles, a passage each; again from the first if too few."""
    with gzip.open(data / "text" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        read = [json.loads(line) for line in islice(lines, count)]
    texts = [f"{each['title']} {each['text']}" for each in read]
    return passages_of([texts[number % len(texts)] for number in range(count)])


def passages_of(texts: Sequence[str], first: int = 0) -> pa.Table:
    """Texts as documents of one passage."""
    n_texts = len(texts)
    numbers = [str(first + number) for number in range(n_texts)]
    return PASSAGES.from_columns(
        {
            "doc_id": numbers,
            "content_hash": numbers,
            "section": pa.array([0] * n_texts, pa.int32()),
            "name": ["abstract"] * n_texts,
            "text": list(texts),
            "sentences": pa.array([[]] * n_texts, PASSAGES.schema.field("sentences").type),
        }
    )


def compute_of(mode: str, **options: Any) -> ComputeResource:  # noqa: ANN401 - as they come
    """Where to run."""
    return ComputeResource(mode=mode, **options)  # pyright: ignore[reportArgumentType]


def work(compute: ComputeResource, step: Any, passages: pa.Table) -> int:  # noqa: ANN401 - a step
    """Do all of it; the number of documents that came back."""
    return sum(o.rows.num_rows for o in compute.run(step, [passages], file="benchmark"))


def seconds_of(
    compute: ComputeResource, step: object, passages: pa.Table, repeats: int
) -> tuple[float, float]:
    """Median and spread; the call that warms up starts the workers."""
    seconds = measure(lambda: work(compute, step, passages), repeats=repeats)
    return median(seconds), round(spread(seconds), 3)


def overhead(passages: pa.Table, repeats: int) -> dict[str, Any]:
    """What the pool adds to nothing, and to 5 ms, per document."""
    here, there = compute_of("inline"), compute_of("local", workers=1)
    inline, _ = seconds_of(here, Nothing(), passages, repeats)
    pool, pool_spread = seconds_of(there, Nothing(), passages, repeats)
    few = passages.slice(0, min(len(passages), 1_000))
    slow, _ = seconds_of(here, Slow(), few, 1)
    slow_pool, slow_spread = seconds_of(there, Slow(), few, repeats)
    return {
        "documents": len(passages),
        "nothing_milliseconds_per_document": round((pool - inline) / len(passages) * 1000, 4),
        "nothing_spread": pool_spread,
        "slow_overhead": round(slow_pool / slow - 1, 4),
        "slow_spread": slow_spread,
    }


def scaling(passages: pa.Table, repeats: int) -> dict[str, Any]:
    """Two workers of one thread beside one, on a step that keeps a core busy.

    And two bare processes beside one: no pool does better than the machine lets it at that time.
    """
    half = passages.slice(0, len(passages) // 2)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as bare:
        alone = measure(lambda: bare.submit(be_busy, half).result(), repeats=repeats)
        both = measure(lambda: list(bare.map(be_busy, [half, half])), repeats=repeats)
    one, spread_of_one = seconds_of(compute_of("local", workers=1), Busy(), passages, repeats)
    two, spread_of_two = seconds_of(compute_of("local", workers=2), Busy(), passages, repeats)
    return {
        "one_seconds": round(one, 2),
        "two_seconds": round(two, 2),
        "ratio": round(one / two, 2),
        "ratio_of_bare_processes": round(2 * median(alone) / median(both), 2),
        "spreads": [spread_of_one, spread_of_two],
    }


def stream(n_documents: int) -> dict[str, Any]:
    """Tiny documents through two workers: the peak after a tenth, and after all."""

    def tables(count: int) -> Iterator[pa.Table]:
        for first in range(0, count, TINY_AT_ONCE):
            yield passages_of([TINY_TEXT] * TINY_AT_ONCE, first)

    def through(count: int) -> int:
        compute = compute_of("local", workers=2)
        outcomes = compute.run(Nothing(), tables(count), file="benchmark")
        return sum(outcome.rows.num_rows for outcome in outcomes)

    through(n_documents // 10)
    tenth, start = peak_memory_bytes(), perf_counter()
    n_done = through(n_documents)
    return {
        "documents": n_done,
        "seconds": round(perf_counter() - start, 1),
        "peak_mib_after_a_tenth": round(tenth / 2**20),
        "peak_mib": round(peak_memory_bytes() / 2**20),
    }


def poisons(kind: str, passages: pa.Table) -> dict[str, Any]:
    """One document in a hundred is poison: workers lost for each, and the time beside clean."""
    compute = compute_of(
        "local", workers=2, timeout_seconds=TIMEOUT, seconds_per_million_characters=0
    )
    texts: list[str] = passages["text"].to_pylist()[:POISONED]
    clean = passages_of(texts)
    work(compute, Mortal(), clean)
    start = perf_counter()
    work(compute, Mortal(), clean)
    clean_seconds = perf_counter() - start
    n_poisons = int(len(texts) * SHARE)
    for number in range(n_poisons):
        texts[number * len(texts) // n_poisons + 37] = kind
    done = compute.run(Mortal(), [passages_of(texts)], file="benchmark")
    start = perf_counter()
    outcomes = list(done)
    seconds = perf_counter() - start
    largest = max(outcome.rows.num_rows + outcome.set_aside.num_rows for outcome in outcomes)
    aside = [reason for o in outcomes for reason in o.set_aside["reason"].to_pylist()]
    return {
        "documents": done.account.documents,
        "poisons": n_poisons,
        "set_aside": {reason: aside.count(reason) for reason in set(aside)},
        "kept": sum(outcome.rows.num_rows for outcome in outcomes),
        "largest_micro_batch": largest,
        "workers_lost_per_poison": round(done.account.deaths / n_poisons, 2),
        "workers_started_per_poison": round(done.account.workers_started / n_poisons, 2),
        "timeouts": done.account.timeouts,
        "allowed_per_poison": round(math.log2(largest) + 2, 2),
        "clean_seconds": round(clean_seconds, 2),
        "seconds": round(seconds, 1),
        "seconds_per_poison": round((seconds - clean_seconds) / n_poisons, 2),
    }


def main() -> None:
    """Measure, print, report."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--tiny", type=int, default=1_000_000)
    parser.add_argument(
        "--only", choices=("overhead", "scaling", "stream", "crash", "hang"), action="append"
    )
    options = parser.parse_args()
    passages = read_passages(options.data, options.documents)
    start = perf_counter()
    work(compute_of("local", workers=1), Nothing(), passages.slice(0, 1))
    result: dict[str, Any] = {"ray_start_seconds": round(perf_counter() - start, 1)}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "stream": lambda: stream(options.tiny),
        "overhead": lambda: overhead(passages, options.repeats),
        "scaling": lambda: scaling(passages, options.repeats),
        "crash": lambda: poisons("exit", passages),
        "hang": lambda: poisons("hang", passages),
    }
    for name, part in parts.items():
        if not options.only or name in options.only:
            result[name] = part()
            print(f"{name:10} {result[name]}", file=sys.stderr)
    report("compute", result, record=options.record)


if __name__ == "__main__":
    main()
