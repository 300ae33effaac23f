"""Where steps run: in this process, on a Ray that is started here, or on a cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import pyarrow as pa
from pydantic import Field

from kazu_platform.errors import NoClusterError
from kazu_platform.execution.batching import document_borders, micro_batches
from kazu_platform.execution.inline import InlinePool
from kazu_platform.execution.kept import Kept
from kazu_platform.execution.ledger import Account, Ledger
from kazu_platform.execution.pool import Pool
from kazu_platform.execution.running import run_on_pool
from kazu_platform.execution.steps import Outcome, Step
from kazu_platform.limits import MAX_SHARE_SET_ASIDE, START_SECONDS, WORKER_MEMORY_MIB, Limits
from resources.ray_cluster import Cluster, cluster_of
from resources.ray_start import RayOptions

Mode = Literal["inline", "local", "address"]
Watcher = Callable[[str, str, int, int | None], None]
"""Told the step, the partition, how many of its documents are done, and of how many if known."""

_DEFAULTS = Limits()
_log = logging.getLogger(__name__)
_watchers: list[Watcher] = []
TRY_AGAIN_SECONDS = 300.0
"""So long after a Ray did not start, steps go without it."""


@contextmanager
def watched(watcher: Watcher) -> Generator[None]:
    """Tell how far each step in this process is, such as to a bar in a terminal."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class Work:
    """A step at work on a partition: iterate over its outcomes, in order, once.

    `account` says what was done so far.
    """

    def __init__(self, account: Account, outcomes: Iterator[Outcome]) -> None:
        self.account = account
        self._outcomes = outcomes

    def __iter__(self) -> Iterator[Outcome]:
        return self._outcomes


class ComputeResource(dg.ConfigurableResource):
    """Runs a step over passages in micro-batches of bounded text.

    A document that raises, crashes its worker, hangs or needs too much memory costs only itself: it
    is set aside with its reason and the rest goes on, exactly once, in order. In mode `inline`
    nothing can save this process from a crash or a hang.
    """

    mode: Mode = Field(
        default="inline",
        description="inline: in the process of the step; local: on a Ray that is started here and "
        "shared by its steps; address: on the cluster at `address`.",
    )
    inline_without_ray: bool = Field(
        default=False,
        description="In mode local, if no Ray starts: say so, and run steps that have no runtime "
        "environment of their own in this process, instead of failing.",
    )
    address: str = Field(default="", description="Of the head node of a Ray cluster: host:port.")
    token_path: str = Field(default="", description="File with the token of the cluster.")
    workers: int = Field(default=0, description="Workers of a step; 0: one for each core.", ge=0)
    cpus: float = Field(default=1.0, description="Cores of a worker.", ge=0)
    gpus: float = Field(
        default=0.0, description="GPUs of a worker; if it has any, models compute on them.", ge=0
    )
    memory_mib: int = Field(
        default=WORKER_MEMORY_MIB,
        description="Memory of a worker, beyond what is shared; 0: unlimited.",
        ge=0,
    )
    runtime_envs: dict[str, Any] = Field(
        default_factory=dict, description="Ray runtime environments by name of the step."
    )
    batch_characters: int = Field(
        default=_DEFAULTS.batch_characters,
        description="Text of a micro-batch, in code points.",
        gt=0,
    )
    document_characters: int = Field(
        default=_DEFAULTS.document_characters,
        description="A longer document is set aside as too_long.",
        gt=0,
    )
    timeout_seconds: float = Field(
        default=_DEFAULTS.timeout_seconds, description="Of a micro-batch of any size ...", gt=0
    )
    seconds_per_million_characters: float = Field(
        default=_DEFAULTS.seconds_per_million_characters,
        description="... and more for its text.",
        ge=0,
    )
    start_seconds: float = Field(
        default=START_SECONDS, description="While no worker has opened its step.", gt=0
    )
    consecutive_deaths: int = Field(
        default=_DEFAULTS.consecutive_deaths,
        description="Workers that may die in a row with no document done in between.",
        ge=1,
    )
    max_set_aside: int = Field(
        default=_DEFAULTS.set_aside,
        description="More documents of a file that fail are a bad step.",
        ge=0,
    )
    max_share: float = Field(
        default=MAX_SHARE_SET_ASIDE,
        description="A larger share of a file set aside fails its check.",
        ge=0,
        le=1,
    )
    unfinished: str = Field(
        default="",
        description="Folder of micro-batches that are done and not yet published; empty: none.",
    )

    @property
    def device(self) -> str:
        """What a model computes on in a worker."""
        return "cuda" if self.gpus else "cpu"

    @property
    def limits(self) -> Limits:
        """What a run over a partition may cost."""
        return Limits(
            batch_characters=self.batch_characters,
            document_characters=self.document_characters,
            timeout_seconds=self.timeout_seconds,
            seconds_per_million_characters=self.seconds_per_million_characters,
            consecutive_deaths=self.consecutive_deaths,
            set_aside=self.max_set_aside,
            open_batches=4 * self.n_workers + 4,
        )

    @property
    def n_workers(self) -> int:
        """Workers at once."""
        if self.mode == "inline":
            return 1
        return self.workers or _n_cores()

    def run(
        self,
        step: Step,
        passages: Iterable[pa.Table],
        *,
        file: str,
        progress: Callable[[int], None] | None = None,
    ) -> Work:
        """Outcomes in the order of the passages.

        What was finished by a run that was killed is not done again, if `unfinished` is set.

        Args:
            step: what to do, picklable.
            passages: rows of PASSAGES; documents must not be split between tables.
            file: partition the passages come from, named where a document is set aside.
            progress: told the number of documents of each micro-batch when it is done.
        """
        limits = self.limits
        if _watchers:
            progress = _told_to_watchers(step.name, file, passages, progress)
        longest = min(limits.batch_characters, limits.document_characters)
        batches = (
            batch for table in passages for batch in micro_batches(table, max_characters=longest)
        )
        ledger = Ledger(
            batches, stage=step.name, file=file, limits=limits, kept=self._kept(step, file)
        )

        def outcomes() -> Iterator[Outcome]:
            mode = ledger.account.mode = self._mode_of(step)
            with self._pool(step, file, mode) as pool:
                yield from run_on_pool(ledger, pool, limits, progress=progress)

        return Work(ledger.account, outcomes())

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep cluster and workers between the runs in this block, which follow one another.

        Else each run at an address connects anew and starts workers of its own: for many small
        partitions that takes longer than their work.
        """
        if self.mode == "inline":
            yield
            return
        with self._cluster().held():
            yield

    def prepare(self) -> None:
        """Begin to start a Ray of our own, so that it is there when the first step needs it."""
        if self.mode == "local":
            self._cluster().prepare()

    def close(self) -> None:
        """Shut down a Ray of our own now instead of at the end of this process."""
        if self.mode == "local":
            self._cluster().close()

    def published(self, step: Step, *, file: str) -> None:
        """The rows of a partition are live: forget the micro-batches that were kept for it."""
        kept = self._kept(step, file)
        if kept is not None:
            kept.clear()

    def _kept(self, step: Step, file: str) -> Kept | None:
        if not self.unfinished:
            return None
        # What a document is set aside by; where and by how many workers it is tried is not.
        limits = (
            self.document_characters,
            self.memory_mib,
            self.timeout_seconds,
            self.seconds_per_million_characters,
        )
        return Kept(Path(self.unfinished), step, file=file, limits=repr(limits))

    @contextmanager
    def _pool(self, step: Step, file: str, mode: Mode) -> Generator[Pool]:
        if mode == "inline":
            yield InlinePool(step, file=file, max_set_aside=self.max_set_aside)
            return
        from resources.ray_pool import RayPool, WorkerOptions

        each = WorkerOptions(
            workers=self.n_workers,
            cpus=self.cpus,
            gpus=self.gpus,
            memory_bytes=self.memory_mib * 2**20,
            start_seconds=self.start_seconds,
            runtime_env=dict(self.runtime_envs.get(step.name, {})),
        )
        cluster = self._cluster()
        with (
            cluster.connected(),
            closing(
                RayPool(cluster, step, file=file, options=each, max_set_aside=self.max_set_aside)
            ) as pool,
        ):
            yield pool

    def _cluster(self) -> Cluster:
        is_elsewhere = self.mode == "address"
        return cluster_of(
            RayOptions(
                address=self.address if is_elsewhere else "",
                token_path=self.token_path if is_elsewhere else "",
                cpus=self.n_workers,
            )
        )

    def _mode_of(self, step: Step) -> Mode:
        """Where the step runs: where it should, or here if no Ray starts and that will do."""
        can_do_without = self.mode == "local" and step.name not in self.runtime_envs
        if self.inline_without_ray and can_do_without and not _starts(self._cluster()):
            return "inline"
        return self.mode


def _starts(cluster: Cluster) -> bool:
    """Whether a Ray is there, or starts; one that did not is tried again after some minutes.

    A start that fails may take long: every partition trying it would cost more than Ray gives.
    """
    if cluster.failed_within(TRY_AGAIN_SECONDS):
        return False
    try:
        with cluster.connected():
            return True
    except NoClusterError as error:
        _log.warning(
            "%s Going on in this process: a document that crashes or hangs stops it. Ray is tried "
            "again in %d minutes.",
            error,
            TRY_AGAIN_SECONDS // 60,
        )
        return False


def _told_to_watchers(
    step: str, file: str, passages: Iterable[pa.Table], progress: Callable[[int], None] | None
) -> Callable[[int], None]:
    """Have watchers told, and whoever else is."""
    # What streams is not counted: it would have to be held whole.
    total = _n_documents(passages) if isinstance(passages, Sequence) else None
    done = 0

    def tell(documents: int) -> None:
        nonlocal done
        done += documents
        for watcher in _watchers:
            watcher(step, file, done, total)
        if progress is not None:
            progress(documents)

    return tell


def _n_documents(passages: Sequence[pa.Table]) -> int:
    return sum(len(document_borders(table)) - 1 for table in passages)


def _n_cores() -> int:
    """Cores that this process may use; where that is not said, as on macOS, all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
