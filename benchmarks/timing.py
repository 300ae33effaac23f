"""What every benchmark needs: repeated timings, the machine in words, one JSON object last."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def measure(function: Callable[[], object], *, repeats: int) -> list[float]:
    """Seconds of each of so many calls, after one that does not count."""
    function()
    seconds: list[float] = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        seconds.append(perf_counter() - start)
    return seconds


def spread(seconds: Sequence[float]) -> float:
    """Slowest minus fastest, as a share of the median."""
    return (max(seconds) - min(seconds)) / median(seconds)


def peak_memory_bytes() -> int:
    """The most memory that this process ever had in RAM (Linux).

    Not `ru_maxrss`: that survives an exec, so a small child reports its large parent.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def describe_machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory, versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def report(name: str, result: Mapping[str, Any]) -> None:
    """Print the result as one JSON object on the last line of standard output."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    print(json.dumps({"benchmark": name, "at": at, **result, "machine": describe_machine()}))
    sys.stdout.flush()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
