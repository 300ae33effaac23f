"""What the README shows is what a reader gets: its commands are run on the sample."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")
PROGRAM = Path(sys.executable).with_name("kazu-platform")
CHEAP = ("annotate", "query", "doctor")


def shown() -> list[tuple[str, str]]:
    """Each command of a console block that costs little, with what is shown below it."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if command.startswith(tuple(f"kazu-platform {name}" for name in CHEAP)):
                found.append((command, output))
    return found


def run(command: str, home: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KAZU_")}
    done = subprocess.run(
        [PROGRAM, *shlex.split(command)[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=kept | {"KAZU_HOME": str(home)},
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_readme_begins_with_commands_and_their_output():
    commands = shown()

    assert {command.split()[1] for command, _ in commands} == set(CHEAP)
    assert len([output for _, output in commands if output]) >= 2


@pytest.mark.usefixtures("finished_demo")
@pytest.mark.parametrize(("command", "output"), shown(), ids=[each for each, _ in shown()])
def test_a_command_of_the_readme_prints_what_it_shows(command: str, output: str, demo_home: Path):
    printed = run(command, demo_home)

    assert len(printed.splitlines()) > 3
    if output:
        assert printed == output
