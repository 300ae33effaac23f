"""The platform as processes: Dagster's webserver and daemon as `kazu-platform ui` starts them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Answer = TypeVar("Answer")

PROGRAM = Path(sys.executable).with_name("kazu-platform")
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


def environment_of(home: Path, **settings: str) -> dict[str, str]:
    """No setting of the person who runs the tests; this home, which the dictionary reads, inline.

    A Ray for each run would cost more than its work; tests/commands/test_demo.py has one.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KAZU_") and name != "DAGSTER_HOME"
    }
    own = {
        "KAZU_HOME": str(home),
        "KAZU_COMPUTE": "inline",
        "KAZU_DETECTOR": "dictionary",
        "KAZU_LINKER": "names",
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    return kept | own | settings


def stop(process: subprocess.Popen[Any], *, seconds: float = 60) -> int:
    """Ask a process group to stop, then make it."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Server:
    """A running webserver of Dagster, such as that of `kazu-platform ui`."""

    home: Path
    url: str
    process: subprocess.Popen[bytes]
    location: str = "kazu_platform.definitions"

    @property
    def repository(self) -> dict[str, str]:
        """What GraphQL calls our definitions."""
        return {"repositoryName": "__repository__", "repositoryLocationName": self.location}

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What GraphQL answers."""
        body = {"query": query, "variables": dict(variables or {})}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=30).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, job: str) -> str:
        """Launch a job; the run's id."""
        params = {"selector": {**self.repository, "jobName": job}, "mode": "default"}
        launched = self.ask(LAUNCH, {"params": params})["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def finished(self, run: str, *, seconds: float = 120) -> str:
        """How a run ended."""

        def ended() -> str:
            status = self.ask(STATUS, {"run": run})["runOrError"]["status"]
            return status if status in {"SUCCESS", "FAILURE", "CANCELED"} else ""

        return self.eventually(ended, seconds=seconds, what=f"the end of run {run}")

    @staticmethod
    def eventually(ask: Callable[[], Answer], *, seconds: float, what: str) -> Answer:
        """The first answer that says something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if answer := ask():
                return answer
            time.sleep(1)
        raise AssertionError(f"{what} did not happen within {seconds:g} seconds")

    def is_up(self) -> bool:
        """Whether it answers."""
        assert self.process.poll() is None, "the webserver ended"
        try:
            return httpx.get(f"{self.url}/server_info", timeout=5).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="session")
def server(vocabularies_only: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Webserver and daemon on a free port; stopped whatever happens."""
    folder = tmp_path_factory.mktemp("server")
    home = shutil.copytree(vocabularies_only, folder / "home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "ui", "--port", str(port)],
            env=environment_of(home),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Server(home, f"http://127.0.0.1:{port}", process)
    try:
        running.eventually(running.is_up, seconds=150, what="kazu-platform ui")
        yield running
    finally:
        stop(process)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process, in a group of its own that ends with the test at the latest."""
    started: list[subprocess.Popen[str]] = []

    def in_new_process(*command: str | Path, home: Path, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env=environment_of(home, **settings),
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield in_new_process
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
