"""`kazu-platform demo`, as a newcomer meets it: stopped once, then run to its end, on Ray."""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
ON_RAY = {"KAZU_COMPUTE": ""}  # as it is unless somebody says otherwise


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose name means something to shells, globs, SQL and Hive."""
    return tmp_path_factory.mktemp("demo") / "a [b]* 'q' x=1"


@pytest.fixture(scope="module")
def stopped(program: Path, environment: Callable[..., dict[str, str]], home: Path) -> Done:
    """Press Ctrl-C as soon as one ontology is done."""
    process = subprocess.Popen(
        [program, "demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home, **ON_RAY),
    )
    try:
        until = time.monotonic() + 120
        while not (home / "lake" / "concepts" / "MONDO" / "live.json").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(process.args, process.returncode, printed, said)


@pytest.fixture(scope="module")
def finished(kazu: Run, home: Path, stopped: Done) -> Done:
    """Run again where it was stopped."""
    assert stopped.returncode != 0
    return kazu("demo", home=home, seconds=280, **ON_RAY)


def test_ctrl_c_stops_it_at_once_and_without_a_traceback(stopped: Done):
    assert (stopped.returncode, stopped.stdout) == (130, "")
    assert stopped.stderr.rstrip().endswith("Stopped. What is done is kept; run it again to go on.")
    assert "Traceback" not in stopped.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs to see the processes of others")
@pytest.mark.parametrize("run", ["stopped", "finished"])
def test_it_leaves_no_process(run: str, request: pytest.FixtureRequest, home: Path):
    request.getfixturevalue(run)
    until = time.monotonic() + 20

    while found := _processes_with(home):
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


def test_the_next_run_ends_with_a_summary(finished: Done, cells: Callable[[str], list[list[str]]]):
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    header, *rows = cells(finished.stdout)
    assert header == ["what", "how much"]
    assert rows[:-1] == [
        ["partitions", "17 ontologies, 6 PubMed files"],
        ["citations", "118"],
        ["mentions", "1,728"],
        ["links", "647"],
        ["nodes", "392"],
        ["edges", "2,176"],
        ["set aside", "1"],
        ["failed", "0"],
    ]
    assert rows[-1][0] == "seconds"


def test_what_was_done_before_the_stop_was_kept(finished: Done, home: Path):
    assert finished.returncode == 0
    assert len(list((home / "lake" / "concepts" / "MONDO").glob("*.parquet"))) == 1


def test_what_it_says_to_try_next_works(finished: Done, kazu: Run, home: Path):
    commands = [
        shlex.split(line.strip())[1:]
        for line in finished.stdout.splitlines()
        if line.startswith("  kazu-platform ")
    ]

    assert [command[0] for command in commands] == ["query", "query", "annotate", "ui"]
    for command in commands[:3]:
        done = kazu(*command, home=home)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) > 4


def test_a_folder_that_dagster_cannot_use_is_refused(kazu: Run, tmp_path: Path):
    done = kazu("demo", home=tmp_path / "100%")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {tmp_path}/100%/dagster: Dagster takes ? and % in a path for parts of a URL; set "
        "KAZU_HOME to another.\n"
    )
