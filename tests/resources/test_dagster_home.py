"""Dagster's own folder: what a killed process leaves behind does not hold up the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from resources.dagster_home import open_instance

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import os, sys, time
import dagster as dg
from pathlib import Path
from resources.dagster_home import PROCESS_TAG, open_instance

@dg.asset(pool="corpus")
def slow():
    Path(sys.argv[1], "running").touch()
    time.sleep(float(sys.argv[2]))

with open_instance(Path(sys.argv[1])) as instance:
    done = dg.materialize([slow], instance=instance, tags={PROCESS_TAG: str(os.getpid())})
    print(done.success)
"""


def start(home: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_killed_process_does_not_keep_its_place_in_a_pool(tmp_path: Path):
    """The pool has one place; without a daemon nobody else would ever give it back."""
    first = start(tmp_path, 600)
    try:
        deadline = time.monotonic() + 150
        while not (tmp_path / "running").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()

    second = start(tmp_path, 0)
    try:
        out, _ = second.communicate(timeout=180)
    finally:
        second.kill()

    assert out == "True\n"
    with open_instance(tmp_path) as instance:
        assert sorted(run.status.value for run in instance.get_runs()) == ["FAILURE", "SUCCESS"]
