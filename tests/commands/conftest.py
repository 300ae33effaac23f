"""`kazu-platform` as a person runs it: the installed script, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = Path(sys.executable).with_name("kazu-platform")


def _environment(home: Path, **settings: str) -> dict[str, str]:
    """No setting of the person who runs the tests; a terminal of 200 columns."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KAZU_")}
    quiet = {"COLUMNS": "200", "DAGSTER_DISABLE_TELEMETRY": "1", "KAZU_HOME": str(home)}
    quiet["KAZU_COMPUTE"] = "inline"
    # What a model finds and links changes with each; what is about one says so.
    quiet |= {"KAZU_DETECTOR": "dictionary", "KAZU_LINKER": "names"}
    return kept | quiet | settings


def _run(
    *arguments: str, home: Path, stdin: str | bytes = "", seconds: float = 200, **settings: str
) -> subprocess.CompletedProcess[str]:
    content = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [PROGRAM, *arguments],
        input=content,
        capture_output=True,
        env=_environment(home, **settings),
        timeout=seconds,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.fixture(scope="session")
def environment() -> Callable[..., dict[str, str]]:
    """Make the environment of a process of our own, from a home and further settings."""
    return _environment


@pytest.fixture(scope="session")
def program() -> Path:
    """The installed script."""
    return PROGRAM


@pytest.fixture(scope="session")
def kazu() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program to its end; `home` is its KAZU_HOME, `stdin` what it reads."""
    return _run


@pytest.fixture(scope="session")
def cells() -> Callable[[str], list[list[str]]]:
    """The header and the rows of a printed table."""

    def parse(printed: str) -> list[list[str]]:
        lines = [line for line in printed.splitlines() if line[:1] in {"┃", "│"}]
        return [
            [cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in lines
        ]

    return parse


AS_THEY_ARE = {"KAZU_COMPUTE": "", "KAZU_DETECTOR": "", "KAZU_LINKER": ""}
"""Settings that nobody made: Ray computes, the model reads, and the ranker links."""


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose name means something to shells, globs, SQL and Hive."""
    return tmp_path_factory.mktemp("demo") / "a [b]* 'q' x=1"


@pytest.fixture(scope="session")
def stopped_demo(
    program: Path, environment: Callable[..., dict[str, str]], demo_home: Path
) -> subprocess.CompletedProcess[str]:
    """Press Ctrl-C as soon as one ontology is done."""
    process = subprocess.Popen(
        [program, "demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(demo_home, **AS_THEY_ARE),
    )
    try:
        until = time.monotonic() + 120
        while not (demo_home / "lake" / "concepts" / "MONDO" / "live.json").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(process.args, process.returncode, printed, said)


@pytest.fixture(scope="session")
def finished_demo(
    kazu: Callable[..., subprocess.CompletedProcess[str]],
    demo_home: Path,
    stopped_demo: subprocess.CompletedProcess[str],
) -> subprocess.CompletedProcess[str]:
    """Run again where it was stopped."""
    assert stopped_demo.returncode != 0
    return kazu("demo", home=demo_home, seconds=280, **AS_THEY_ARE)
