"""`kazu-platform demo`, as a newcomer meets it: stopped once, then run to its end, on Ray."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")


def test_ctrl_c_stops_it_at_once_and_without_a_traceback(stopped_demo: Done):
    assert (stopped_demo.returncode, stopped_demo.stdout) == (130, "")
    assert stopped_demo.stderr.rstrip().endswith(
        "Stopped. What is done is kept; run it again to go on."
    )
    assert "Traceback" not in stopped_demo.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs to see the processes of others")
@pytest.mark.parametrize("run", ["stopped_demo", "finished_demo"])
def test_it_leaves_no_process(run: str, request: pytest.FixtureRequest, demo_home: Path):
    request.getfixturevalue(run)
    until = time.monotonic() + 20

    while found := _processes_with(demo_home):
        assert time.monotonic() < until, found
        time.sleep(0.1)


def _processes_with(home: Path) -> list[str]:
    """Commands of processes that were started with that KAZU_HOME; children inherit it."""
    found: list[str] = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if f"KAZU_HOME={home}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_the_next_run_ends_with_a_summary(
    finished_demo: Done, cells: Callable[[str], list[list[str]]]
):
    assert finished_demo.returncode == 0, finished_demo.stderr
    assert "Traceback" not in finished_demo.stderr
    header, *rows = cells(finished_demo.stdout)
    assert header == ["what", "how much"]
    shown = README.partition("What was made\n")[2].partition("```")[0]
    assert rows[:-1] == cells(shown)[1:-1]
    assert rows[-1][0] == "seconds"


def test_what_was_done_before_the_stop_was_kept(finished_demo: Done, demo_home: Path):
    assert finished_demo.returncode == 0
    assert len(list((demo_home / "lake" / "concepts" / "MONDO").glob("*.parquet"))) == 1


def test_what_it_says_to_try_next_works(finished_demo: Done, kazu: Run, demo_home: Path):
    commands = [
        shlex.split(line.strip())[1:]
        for line in finished_demo.stdout.splitlines()
        if line.startswith("  kazu-platform ")
    ]

    assert [command[0] for command in commands] == ["query", "query", "annotate", "ui"]
    for command in commands[:3]:
        done = kazu(*command, home=demo_home)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) > 4


def test_a_folder_that_dagster_cannot_use_is_refused(kazu: Run, tmp_path: Path):
    done = kazu("demo", home=tmp_path / "100%")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {tmp_path}/100%/dagster: Dagster takes ? and % in a path for parts of a URL; set "
        "KAZU_HOME to another.\n"
    )
