"""What runs in a worker process: one step, opened once, and the parts it is given."""

from __future__ import annotations

import os
from collections.abc import Callable

import pyarrow as pa

from kazu_platform.execution.inline import Bisection
from kazu_platform.execution.kept import from_bytes, outcome_bytes
from kazu_platform.execution.steps import Step
from resources.memory import (
    MemoryWatch,
    bound_address_space,
    forget_peak_memory,
    peak_memory_bytes,
)

PEAK_BYTES = 8
LAST_WORDS = b"kazu-platform-last-words"


class Worker:
    """Opens a step and does parts of partitions; Ray makes an actor of it.

    Args:
        threads: of the libraries that the step uses.
        memory_bytes: more than this is out_of_memory; 0: unlimited.
    """

    def __init__(self, threads: int, memory_bytes: int) -> None:
        for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"):
            os.environ[name] = str(threads)
        pa.set_cpu_count(threads)
        self._memory_bytes = memory_bytes
        self._stage = ""
        self._work: Callable[[pa.Table], pa.Table] | None = None

    def open(self, step: Step) -> int:
        """Load what the step needs; the number of this process."""
        self._stage, self._work = step.name, step.open()
        if self._memory_bytes:
            bound_address_space(self._memory_bytes)
            MemoryWatch(self._memory_bytes, _leave_last_words).start()
        return os.getpid()

    def do(self, passages: bytes, file: str, max_set_aside: int) -> bytes:
        """Do a part, setting aside documents that raise: the peak memory, then the outcome."""
        if self._work is None:
            raise RuntimeError("do() was called before open().")
        forget_peak_memory()
        bisection = Bisection(self._stage, self._work, file, max_set_aside)
        body = outcome_bytes(bisection.run(from_bytes(passages)))
        return peak_memory_bytes().to_bytes(PEAK_BYTES, "little") + body


def last_words(actor_id: str) -> str | None:
    """What a worker that is gone said of its end, if it could; it can be read once."""
    from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_get

    said: bytes | None = _internal_kv_get(actor_id.encode(), namespace=LAST_WORDS)
    if not said:
        return None
    _internal_kv_del(actor_id.encode(), namespace=LAST_WORDS)
    return said.decode()


def _leave_last_words(words: str) -> None:
    """Leave them with the cluster, which outlives this process."""
    import ray
    from ray.experimental.internal_kv import _internal_kv_put

    actor_id = ray.get_runtime_context().get_actor_id() or ""
    _internal_kv_put(actor_id.encode(), words.encode(), namespace=LAST_WORDS)
