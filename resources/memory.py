"""Keep a worker process within its memory (Linux; elsewhere nothing is watched).

Two guards, because neither is enough: the address space is bounded, so that one huge allocation is
an error where it is made (`MemoryError` in Python and numpy, the end of the process in some native
libraries); and a thread looks at the memory the process has to itself, for what grows by little.
Memory that is mapped from files or shared does not count: all workers map one dictionary.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
INTERVAL_SECONDS = 0.02
EXIT_CODE = 137  # as shells say of a process that was killed
_KIB = 1024
_SLACK_BYTES = 2 * 2**30


def own_bytes() -> int:
    """Memory in RAM that this process shares with nobody."""
    return _status("RssAnon")


def forget_peak_memory() -> None:
    """Begin to measure the peak anew, where the system lets us (Linux: proc(5), clear_refs)."""
    with suppress(OSError):
        CLEAR_REFS.write_text("5", "ascii")


def peak_memory_bytes() -> int:
    """The most memory that this process had in RAM since it was last forgotten; 0: unknown."""
    try:
        return _status("VmHWM")
    except OSError:
        return 0


def bound_address_space(limit_bytes: int) -> None:
    """Let this process map twice the limit and some slack on top of what it has mapped.

    Allocators reserve more than they use, so the bound is wide; `MemoryWatch` is the narrow one.
    """
    if not STATUS.exists():
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _status("VmSize") + 2 * limit_bytes + _SLACK_BYTES
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class MemoryWatch(threading.Thread):
    """Ends the process when it has more memory to itself than it may have.

    Args:
        limit_bytes: what it may have.
        last_words: told why, in words, before the end.
    """

    def __init__(self, limit_bytes: int, last_words: Callable[[str], None]) -> None:
        super().__init__(name="memory-watch", daemon=True)
        self._limit_bytes, self._last_words = limit_bytes, last_words
        self._pause = threading.Event()

    def run(self) -> None:
        """Look again and again; returns only where there is nothing to look at."""
        while STATUS.exists():
            if (used := own_bytes()) > self._limit_bytes:
                try:
                    self._last_words(
                        f"{used / 2**20:,.0f} MiB, more than {self._limit_bytes / 2**20:,.0f}"
                    )
                finally:
                    os._exit(EXIT_CODE)
            self._pause.wait(INTERVAL_SECONDS)


def _status(name: str) -> int:
    for line in STATUS.read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KIB
    raise OSError(f"{STATUS} says nothing of {name}.")
