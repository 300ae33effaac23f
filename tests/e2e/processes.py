"""Processes that end with the test at the latest, each with a log that is shown if it fails."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

Answer = TypeVar("Answer")

SHOWN_LINES = 60
# Killed, PostgreSQL would leave its shared memory behind.
ENDS = {"postgres": signal.SIGINT}


class Processes:
    """Processes by name. One that ends unasked fails whoever waits for something."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: dict[str, subprocess.Popen[Any]] = {}

    def start(
        self,
        name: str,
        *command: str | Path,
        environment: Mapping[str, str],
        user: str | None = None,
    ) -> subprocess.Popen[Any]:
        """Begin a process in a session of its own; its log goes on where it was."""
        as_user: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if user else {}
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=self.logs,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **as_user,
            )
        self._running[name] = process
        return process

    def run(self, name: str, *command: str | Path, environment: Mapping[str, str]) -> None:
        """Begin a process and see it end well."""
        self.start(name, *command, environment=environment)
        self.ended_well(name)

    def ended_well(self, name: str, *, seconds: float = 120) -> None:
        """Wait for the end of a process that is to end."""
        assert self._running[name].wait(seconds) == 0, f"{name} failed"
        del self._running[name]

    def stop(self, name: str, *, how: signal.Signals, seconds: float = 30) -> None:
        """Have a process end, and all that it began."""
        process = self._running[name]
        try:
            process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            del self._running[name]

    def eventually(self, ask: Callable[[], Answer | None], *, seconds: float, what: str) -> Answer:
        """The first answer that says something, as long as all that was begun goes on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if answer := ask():
                return answer
            ended = [name for name, each in self._running.items() if each.poll() is not None]
            assert not ended, f"{', '.join(ended)} ended while {what} was waited for"
            time.sleep(1)
        raise AssertionError(f"{what} did not happen within {seconds:g} seconds")

    def tails(self) -> str:
        """The last lines of each log."""
        lines: list[str] = []
        for log in sorted(self.logs.glob("*.log")):
            last = log.read_text("utf-8", errors="replace").splitlines()[-SHOWN_LINES:]
            lines += [f"==> {log.name} <==", *last]
        return "\n".join(lines)


@contextmanager
def processes(logs: Path) -> Generator[Processes]:
    """Processes until the block ends, in turn from the last; if it fails, what they said."""
    logs.mkdir()
    begun, is_well = Processes(logs), False
    try:
        yield begun
        is_well = True
    finally:
        for name in reversed(list(begun._running)):
            begun.stop(name, how=ENDS.get(name, signal.SIGKILL))
        if not is_well:
            print(begun.tails())  # noqa: T201 - pytest shows it with the failure
