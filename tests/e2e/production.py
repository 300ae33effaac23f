"""The processes of `deploy/` on one machine, with its files and commands, but no containers."""

from __future__ import annotations

import os
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from tests.e2e.conftest import PROGRAM, Server, environment_of
from tests.e2e.processes import Processes, processes
from tests.ray_head import free_port, head, new_token

if TYPE_CHECKING:
    import signal
    from collections.abc import Generator

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAPERS, LOGS = "production-papers", "production-logs"
ZONE = "Kazu/Night"
NIGHT = 2 * 3600
DAY = 24 * 3600


@dataclass
class Production:
    """What runs.

    Attributes:
        folder: for everything; its path is short.
        processes: PostgreSQL, code server, webserver, daemon.
        environment: what Dagster's processes have in theirs.
        dagster: the webserver.
    """

    folder: Path
    processes: Processes
    environment: dict[str, str]
    dagster: Server

    def start_daemon(self, *, two_o_clock: int) -> None:
        """Begin the daemon in a world where it is 02:00 at that time, in seconds since 1970."""
        write_zone(self.folder / "zones" / ZONE, utc_offset_of(two_o_clock))
        workspace = f"--workspace={self.folder / 'dagster' / 'workspace.yaml'}"
        command = (BIN / "dagster-daemon", "run", workspace)
        self.processes.start("daemon", *command, environment=self.environment)

    def stop_daemon(self, how: signal.Signals) -> None:
        """End the daemon."""
        self.processes.stop("daemon", how=how)

    def query(self, sql: str) -> str:
        """What `kazu-platform query` prints on a machine that has nothing but the settings."""
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            done = subprocess.run(
                [PROGRAM, "query", sql, "--format", "json"],
                env=self.environment | {"KAZU_HOME": home, "KAZU_STORAGE_URL": storage_url()},
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def production(catalogue: Path, s3_endpoint: str, **settings: str) -> Generator[Production]:
    """All of it but the daemon, ready for work, until the block ends.

    Args:
        catalogue: where everything comes from.
        s3_endpoint: of the store, whose keys are in the environment.
        settings: of the code server, besides those that say where the others are.
    """
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database belongs to another user
        home, token = folder / "home", new_token(folder / "token")
        environment = environment_of_dagster(folder, s3_endpoint)
        with processes(folder / "logs") as begun:
            start_postgres(begun, folder, environment)
            prepare = DEPLOY / "docker" / "prepare.sh"
            buckets = {"BUCKETS": f"{PAPERS} {LOGS}"}
            begun.start("prepare", "bash", prepare, environment=environment | buckets)
            store = {name: environment[name] for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")}
            with head(folder / "ray", token, **store) as ray:
                begun.ended_well("prepare")
                of_code = {
                    "KAZU_HOME": str(home),
                    "KAZU_SOURCES": str(catalogue),
                    "KAZU_STORAGE_URL": storage_url(),
                    "KAZU_RAY_ADDRESS": ray,
                    "KAZU_RAY_TOKEN_PATH": str(token),
                    **settings,
                }
                environment["DAGSTER_CODE_SERVER_PORT"] = str(free_port())
                start_code_server(begun, environment | of_code)
                dagster = start_webserver(begun, folder, environment)
                yield Production(folder, begun, environment, dagster)


def storage_url() -> str:
    return f"s3://{PAPERS}/kazu"


def environment_of_dagster(folder: Path, s3_endpoint: str) -> dict[str, str]:
    """What webserver, daemon and code server share; `DAGSTER_HOME` holds the files of deploy/."""
    (folder / "dagster").mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        (folder / "dagster" / name).symlink_to(DEPLOY / "dagster" / name)
    write_zone(folder / "zones" / ZONE, 0)
    kept = environment_of(folder / "home")
    del kept["KAZU_HOME"], kept["KAZU_COMPUTE"]
    return kept | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONTZPATH": f"{folder / 'zones'}:/usr/share/zoneinfo",
        "DAGSTER_HOME": str(folder / "dagster"),
        "DAGSTER_POSTGRES_HOST": "127.0.0.1",
        "DAGSTER_POSTGRES_PORT": str(free_port()),
        "DAGSTER_POSTGRES_DB": "dagster",
        "DAGSTER_POSTGRES_USER": "dagster",
        "DAGSTER_POSTGRES_PASSWORD": secrets.token_hex(16),
        "DAGSTER_CODE_SERVER_HOST": "127.0.0.1",
        "DAGSTER_LOGS_BUCKET": LOGS,
        "DAGSTER_LOGS_PREFIX": "dagster",
        "DAGSTER_LOGS_FOLDER": str(folder / "dagster-logs"),
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def postgres_programs() -> Path | None:
    """Where Debian keeps the newest PostgreSQL's programs; none if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return found[-1].parent if found else None


def start_postgres(begun: Processes, folder: Path, environment: dict[str, str]) -> None:
    """A new database `dagster` with a password, on loopback; not as root, which it refuses."""
    programs = postgres_programs()
    assert programs is not None
    user = "postgres" if os.geteuid() == 0 else None
    place, secret = folder / "postgres", environment["DAGSTER_POSTGRES_PASSWORD"]
    place.mkdir()
    (place / "password").write_text(secret, "utf-8")
    if user:
        for path in (place, place / "password"):
            shutil.chown(path, user, user)
    data, port = place / "data", environment["DAGSTER_POSTGRES_PORT"]
    initdb = (
        *(programs / "initdb", data, "--username=dagster", f"--pwfile={place / 'password'}"),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"),
    )
    postgres = (
        *(programs / "postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1"),
        *("-c", f"unix_socket_directories={place}", "-c", "fsync=off"),
    )
    plain = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    begun.start("initdb", *initdb, environment=plain, user=user)
    begun.ended_well("initdb")
    begun.start("postgres", *postgres, environment=plain, user=user)
    there = ("--host=127.0.0.1", f"--port={port}", "--username=dagster")

    def answers() -> bool:
        asked = (programs / "pg_isready", "--quiet", *there)
        return subprocess.run(asked, check=False).returncode == 0

    begun.eventually(answers, seconds=60, what="PostgreSQL")
    command = (programs / "createdb", *there, "dagster")
    begun.run("createdb", *command, environment=plain | {"PGPASSWORD": secret})


def start_code_server(begun: Processes, environment: dict[str, str]) -> None:
    """The code server, over gRPC; runs are processes of it."""
    port = environment["DAGSTER_CODE_SERVER_PORT"]
    begun.start(
        "code",
        *(BIN / "dagster", "api", "grpc", "--host", "127.0.0.1", "--port", port),
        *("--module-name", "kazu_platform.definitions"),
        environment=environment,
    )
    client = DagsterGrpcClient(host="127.0.0.1", port=int(port))

    def answers() -> bool:
        try:
            client.ping("")
        except DagsterUserCodeUnreachableError:
            return False
        return True

    begun.eventually(answers, seconds=200, what="the code server")


def start_webserver(begun: Processes, folder: Path, environment: dict[str, str]) -> Server:
    """The webserver, which knows the code server."""
    port = free_port()
    process = begun.start(
        "webserver",
        *(BIN / "dagster-webserver", "--host=127.0.0.1", f"--port={port}"),
        f"--workspace={folder / 'dagster' / 'workspace.yaml'}",
        environment=environment,
    )
    url = f"http://127.0.0.1:{port}"
    dagster = Server(folder / "home", url, process, location="kazu_platform")
    begun.eventually(dagster.is_up, seconds=200, what="the webserver")
    return dagster


def utc_offset_of(two_o_clock: int) -> int:
    """Seconds east of Greenwich where it is 02:00 at a time, from -12 to 12 hours.

    >>> utc_offset_of(0), utc_offset_of(3 * 3600), utc_offset_of(15 * 3600)
    (7200, -3600, 39600)
    """
    return (NIGHT - two_o_clock + DAY // 2) % DAY - DAY // 2


def write_zone(path: Path, utc_offset: int) -> None:
    """A time zone as the system keeps them (RFC 8536, version 1): one offset, and no summers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = b"KZT\0"
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, len(name))
    local_time = struct.pack(">lBB", utc_offset, 0, 0)
    path.write_bytes(b"TZif" + bytes(16) + counts + local_time + name)


def whole_minute(at: datetime | None = None) -> int:
    """The last whole minute, in seconds since 1970."""
    return int((at or datetime.now(UTC)).timestamp()) // 60 * 60
