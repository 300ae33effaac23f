"""A Ray cluster of one node on loopback that asks for a token."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

RAY = Path(sys.executable).parent / "ray"


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def free_port() -> int:
    with closing(socket.socket()) as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def new_token(path: Path) -> Path:
    """A file with a token that nobody has had before."""
    path.write_text(secrets.token_hex(32), "utf-8")
    return path


@contextmanager
def head(folder: Path, token: Path, **settings: str) -> Generator[str]:
    """`ray start --head` on loopback; its address.

    Args:
        folder: for its files; sockets lie in it, whose paths may have 107 bytes.
        token: file with the token.
        settings: variables that its workers have besides those of the tests.
    """
    port = free_port()
    command = (
        f"start --head --block --node-ip-address 127.0.0.1 --port {port} --num-cpus 2 "
        f"--include-dashboard false --object-store-memory 100000000 --temp-dir {folder}"
    )
    environment = clean_environment() | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "180",  # a machine may be busy with other tests
        **settings,
    }
    with (folder.parent / f"{port}.log").open("w") as log:
        process = subprocess.Popen(
            [str(RAY), *command.split()],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 200
        while "--block" not in (folder.parent / f"{port}.log").read_text():
            assert process.poll() is None, (folder.parent / f"{port}.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.2)
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(8)  # it waits for half a minute for what somebody's work has left behind
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
