"""What every benchmark needs: options, repeated timings, the machine, one JSON object last.

A result says what was measured, at which commit, on what machine; nothing in it tells whose
machine that is: no host, user or path.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

DATA_VARIABLE = "KAZU_TEST_DATA"
REPOSITORY = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"


def options_of(doc: str | None, *, repeats: int, data: bool = True) -> argparse.ArgumentParser:
    """A parser of the options that all benchmarks share, described by the module's first line."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    if data:
        parser.add_argument(
            "--data",
            type=_folder_of_data,
            default=os.environ.get(DATA_VARIABLE, ""),
            help=f"folder of development data (default: ${DATA_VARIABLE})",
        )
    parser.add_argument("--repeats", type=int, default=repeats, help="default: %(default)s")
    parser.add_argument(
        "--record", action="store_true", help="append the result to benchmarks/results"
    )
    return parser


def _folder_of_data(value: str) -> Path:
    if not value:
        raise argparse.ArgumentTypeError(
            f"this benchmark needs the folder of development data; give it, or set {DATA_VARIABLE}."
        )
    if not Path(value).is_dir():
        raise argparse.ArgumentTypeError(f"{value} is no folder; give it, or set {DATA_VARIABLE}.")
    return Path(value).absolute()


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


def pin_to_one_core() -> None:
    """Keep this process and its children on one core (Linux)."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@contextmanager
def on_one_core() -> Generator[None]:
    """Keep every thread of this process, those of libraries too, on one core (Linux)."""
    allowed = os.sched_getaffinity(0)
    try:
        _let_threads_use({max(allowed)})
        yield
    finally:
        _let_threads_use(allowed)


def _let_threads_use(cores: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.sched_setaffinity(int(thread.name), cores)


def describe_machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory, system, version of Python."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def report(name: str, result: Mapping[str, Any], *, record: bool) -> None:
    """Print the result as one JSON object on the last line of standard output.

    Recorded, the same line is appended to `results/<name>.jsonl`.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps(
        {"benchmark": name, "at": at, **_commit(), **result, "machine": describe_machine()}
    )
    if record:
        RESULTS.mkdir(exist_ok=True)
        with (RESULTS / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    print(line)
    sys.stdout.flush()


def _commit() -> dict[str, Any]:
    """The commit measured, and whether tracked files (results aside) differed from it."""
    changes = ("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results")
    try:
        return {"commit": _git("rev-parse", "HEAD"), "changed": bool(_git(*changes))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "", "changed": False}


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
