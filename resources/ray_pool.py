"""A pool of Ray actors, each with one part at a time.

An actor is never restarted by Ray: one that dies is replaced by a new one that has opened the step
anew, and its death is known to be the doing of the part that it had. One that hangs is killed.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from kazu_platform.documents import digest
from kazu_platform.errors import ComputeError, NoWorkerError
from kazu_platform.execution.kept import outcome_of, to_bytes
from kazu_platform.execution.pool import Done, Lost
from kazu_platform.execution.steps import Step
from resources.ray_cluster import Cluster
from resources.ray_worker import PEAK_BYTES, Worker, last_words

POLL_SECONDS = 1.0
MAX_FAILED_STARTS = 3
LOW_MEMORY = "node running low on memory"


@dataclass(frozen=True)
class WorkerOptions:
    """What a worker has.

    Attributes:
        workers: at most so many at once.
        cpus: cores and threads of each.
        gpus: of each; a part of one is allowed.
        memory_bytes: of each; 0: unlimited.
        start_seconds: while none of them has opened the step.
        runtime_env: Ray's environment of the step's workers; empty: that of the cluster.
    """

    workers: int
    cpus: float
    gpus: float
    memory_bytes: int
    start_seconds: float
    runtime_env: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(eq=False)
class _Actor:
    handle: Any
    opening: Any = None
    answer: Any = None
    task: int = -1
    deadline: float = 0.0
    timeout: float = 0.0

    @property
    def awaited(self) -> Any:  # noqa: ANN401 - an object reference has no type
        """What is to be waited for; nothing if it is idle."""
        return self.opening or self.answer


class RayPool:
    """Workers of one step for one partition; close it.

    Args:
        cluster: connected.
        step: what to do; it pickles.
        file: partition the parts come from.
        options: how many workers, and what each has.
        max_set_aside: more failing documents in one part are a bad step.
    """

    def __init__(
        self,
        cluster: Cluster,
        step: Step,
        *,
        file: str,
        options: WorkerOptions,
        max_set_aside: int,
    ) -> None:
        self._cluster, self._step, self._file = cluster, step, file
        self._options, self._max_set_aside = options, max_set_aside
        self._kind = _kind(step, options)
        self._actors: list[_Actor] = []
        self._waiting: deque[tuple[int, bytes, float]] = deque()
        self._failed_starts = 0
        self._starving_since: float | None = None
        self.n_started = 0

    def has_room(self) -> bool:
        """Whether a worker is free or may be started."""
        busy = sum(1 for actor in self._actors if actor.answer)
        return busy + len(self._waiting) < self._options.workers

    def give(self, task: int, passages: pa.Table, *, timeout: float) -> None:
        """Have a part done by the next worker that is free."""
        self._waiting.append((task, to_bytes(passages), timeout))
        self._assign()

    def wait(self) -> Sequence[Done | Lost]:
        """Wait until something became of a part.

        Raises:
            ComputeError: the step cannot be opened, or the cluster can never have a worker.
            NoWorkerError: no worker came in time.
            LostClusterError: the cluster went away.
        """
        import ray

        while True:
            awaited = {each.awaited: each for each in self._actors if each.awaited}
            refs = list(awaited)
            ray.wait(refs, num_returns=1, timeout=self._patience())
            # All that answered by now did so in time, however long the caller did not ask.
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
            events = [event for ref in ready for event in self._look_at(awaited[ref])]
            events += [self._give_up(each) for each in list(self._actors) if _is_late(each)]
            self._assign()
            self._note_starving()
            if events:
                return events
            self._cluster.check()
            self._check_starving()

    def close(self) -> None:
        """Let go of the workers: the free ones stay warm, those at work are ended."""
        import ray

        for actor in self._actors:
            if actor.awaited:
                ray.kill(actor.handle)
            else:
                self._cluster.give_back(self._kind, actor.handle)
        self._actors.clear()
        self._waiting.clear()

    def _assign(self) -> None:
        """Give what waits to free workers, and start as many as are needed and allowed."""
        for actor in self._actors:
            if self._waiting and not actor.awaited:
                self._begin(actor)
        opening = sum(1 for actor in self._actors if actor.opening)
        for _ in range(len(self._waiting) - opening):
            if len(self._actors) >= self._options.workers:
                return
            warm = self._cluster.take(self._kind, beside=len(self._actors))
            if warm is None:
                self._start()
            else:
                self._actors.append(_Actor(warm))
                self._begin(self._actors[-1])

    def _begin(self, actor: _Actor) -> None:
        actor.task, passages, actor.timeout = self._waiting.popleft()
        actor.answer = actor.handle.do.remote(passages, self._file, self._max_set_aside)
        actor.deadline = time.monotonic() + actor.timeout

    def _start(self) -> None:
        import ray

        options = self._options
        needs = self._needs()
        placed: dict[str, Any] = {"num_cpus": needs["CPU"], "num_gpus": needs["GPU"]}
        if options.runtime_env:
            placed["runtime_env"] = options.runtime_env
        kind: Any = ray.remote(Worker)
        actor = kind.options(max_restarts=0, max_task_retries=0, **placed)
        handle = actor.remote(max(1, int(options.cpus)), options.memory_bytes)
        self._actors.append(_Actor(handle, opening=handle.open.remote(self._step)))
        self.n_started += 1

    def _look_at(self, actor: _Actor) -> list[Done | Lost]:
        """Take what a worker answered."""
        import ray
        from ray.exceptions import RayActorError, RayError, RayTaskError

        try:
            answer: Any = ray.get(actor.awaited)
        except RayActorError as error:
            return self._mourn(actor, error)
        except RayTaskError as error:
            self._actors.remove(actor)
            ray.kill(actor.handle)
            cause = error.cause
            raise ComputeError(
                f"{self._step.name} {self._file}: {type(cause).__name__}: {cause}"
            ) from error
        except RayError as error:
            self._cluster.check()
            raise ComputeError(f"{self._step.name} {self._file}: {error}") from error
        if actor.opening:
            actor.opening, self._failed_starts = None, 0
            return []
        actor.answer = None
        peak = int.from_bytes(answer[:PEAK_BYTES], "little")
        outcome = replace(outcome_of(answer[PEAK_BYTES:]), peak_memory_bytes=peak)
        return [Done(actor.task, outcome)]

    def _mourn(self, actor: _Actor, error: Exception) -> list[Done | Lost]:
        """Blame a death on the part that the worker had, if it had one."""
        self._actors.remove(actor)
        self._cluster.check()  # no document is to be blamed for its end, and no step
        if actor.opening:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                raise ComputeError(
                    f"{self._step.name} {self._file}: {self._failed_starts} workers died before "
                    f"they had opened the step; the last: {_first_line(error)}"
                ) from error
            return []
        said = last_words(actor.handle._actor_id.hex())
        if said:
            return [Lost(actor.task, "out_of_memory", said)]
        if LOW_MEMORY in str(error):
            return [Lost(actor.task, "out_of_memory", "its machine was running low on memory")]
        return [Lost(actor.task, "crash", "the worker process died")]

    def _give_up(self, actor: _Actor) -> Lost:
        """Kill a worker that does not answer."""
        import ray

        self._actors.remove(actor)
        ray.kill(actor.handle)
        return Lost(actor.task, "timeout", f"no answer in {actor.timeout:,.1f} s")

    def _patience(self) -> float:
        deadlines = [actor.deadline for actor in self._actors if actor.answer]
        soonest = min(deadlines, default=time.monotonic() + POLL_SECONDS)
        return min(POLL_SECONDS, max(0.001, soonest - time.monotonic()))

    def _note_starving(self) -> None:
        """Remember since when nothing is at work because no worker has opened the step."""
        if any(not actor.opening for actor in self._actors):
            self._starving_since = None
        elif self._starving_since is None:
            self._starving_since = time.monotonic()

    def _check_starving(self) -> None:
        """Fail if nothing is at work and no worker comes."""
        if self._starving_since is None:
            return
        waited = time.monotonic() - self._starving_since
        if waited <= self._options.start_seconds:
            return
        import ray

        needs = {name: n for name, n in self._needs().items() if n}
        free, there = ray.available_resources(), ray.cluster_resources()
        said = ", ".join(
            f"{n:g} {name} ({free.get(name, 0):g} of {there.get(name, 0):g} free)"
            for name, n in needs.items()
        )
        never = any(n > there.get(name, 0) for name, n in needs.items())
        kind = ComputeError if never else NoWorkerError
        raise kind(
            f"{self._step.name} {self._file}: no worker had opened the step after "
            f"{waited:,.0f} s. It asks for {said or 'no CPU'}."
            + (" The cluster has not as much." if never else "")
        )

    def _needs(self) -> dict[str, float]:
        """What Ray must have free for a worker."""
        # Of our own Ray: two partitions at once must not wait for each other's workers.
        cpus = 0.0 if self._cluster.is_own else self._options.cpus
        return {"CPU": cpus, "GPU": self._options.gpus}


def _kind(step: Step, options: WorkerOptions) -> str:
    """What makes a worker of one step fit for another part."""
    from ray import cloudpickle

    pickled: bytes = cloudpickle.dumps(step)  # pyright: ignore[reportPrivateImportUsage]
    own = json.dumps([options.cpus, options.gpus, options.memory_bytes, options.runtime_env])
    return digest(pickled.hex(), step.version, own)


def _is_late(actor: _Actor) -> bool:
    return bool(actor.answer) and time.monotonic() > actor.deadline


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
