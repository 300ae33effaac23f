"""Several real processes on one lake: no error, no torn read, no half state after a kill."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from kazu_platform.storage.lake import Lake
from kazu_platform.storage.warehouse import build_warehouse, open_read_only
from kazu_platform.tables import DELETIONS

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pyarrow as pa

# Every generation of a partition holds 2,000 rows of one pmid, so a mixture would show.
WRITER = """
import sys
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import DELETIONS

lake, partition = Lake(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
number = 0
while True:
    number += 1
    n = 2_000
    rows = DELETIONS.from_columns({
        "pmid": [number] * n, "version": [None] * n, "file": [partition] * n,
        "position": list(range(n)),
    })
    lake.write(DELETIONS, rows, partition=partition)
"""
COUNTER = """
import pickle, sys
from kazu_platform.errors import LostRaceError
from kazu_platform.tables import DELETIONS

lake, wins = pickle.loads(bytes.fromhex(sys.argv[1])), 0
print("ready", flush=True)
sys.stdin.readline()
while wins < 20:
    before = lake.live(DELETIONS, "counter")
    count = lake.read(DELETIONS, "counter")["pmid"][0].as_py() if before else 0
    row = {"pmid": count + 1, "version": None, "file": "counter", "position": 0}
    try:
        lake.write(
            DELETIONS, DELETIONS.from_rows([row]), partition="counter",
            expected=before.generation if before else None,
        )
        wins += 1
    except LostRaceError:
        pass
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def rows_of(pmid: int, file: str = "x") -> pa.Table:
    return DELETIONS.from_columns(
        {
            "pmid": [pmid] * 2_000,
            "version": [None] * 2_000,
            "file": [file] * 2_000,
            "position": [0] * 2_000,
        }
    )


def test_readers_see_whole_generations_while_writers_work_and_die(tmp_path: Path):
    lake, path = Lake(tmp_path / "lake"), tmp_path / "warehouse.duckdb"
    for partition in ("left", "right"):
        lake.write(DELETIONS, rows_of(0, partition), partition=partition)
    writers = [start(WRITER, str(lake.root), partition) for partition in ("left", "right")]
    seen: set[int] = set()
    n_queries = n_after = 0
    try:
        # What counts is how much happened, not how fast: so many states, and some after the kill.
        while n_after < 6:
            assert all(writer.poll() in (None, -signal.SIGKILL) for writer in writers)
            build_warehouse(lake, path)
            with open_read_only(path, lake.root) as connection:
                for _ in range(3):
                    found = connection.execute(
                        "SELECT file, count(*), min(pmid), max(pmid) FROM deletions GROUP BY file"
                    ).fetchall()
                    n_queries += 1
                    n_after += writers[0].poll() is not None
                    assert all(row[1] == 2_000 and row[2] == row[3] for row in found)
                    assert {row[0] for row in found} == {"left", "right"}
                    seen |= {row[2] for row in found}
            direct = lake.read(DELETIONS, "left")
            assert len(direct) == 2_000
            assert len(set(direct["pmid"].to_pylist())) == 1
            if n_queries > 20 and len(seen) > 3 and writers[0].poll() is None:
                writers[0].send_signal(signal.SIGKILL)
                writers[0].wait()
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()

    for partition in ("left", "right"):
        left = lake.read(DELETIONS, partition)
        assert len(left) == 2_000
        assert len(set(left["pmid"].to_pylist())) == 1
        lake.write(DELETIONS, rows_of(7), partition=partition)  # a dead writer holds no lock
        assert set(lake.read(DELETIONS, partition)["pmid"].to_pylist()) == {7}


def test_two_counters_that_race_count_everything_once(any_lake: Lake):
    counters = [start(COUNTER, pickle.dumps(any_lake).hex()) for _ in range(2)]

    for counter in counters:
        assert counter.stdin is not None
        counter.stdin.write("go\n")
        counter.stdin.flush()
    assert [counter.wait(120) for counter in counters] == [0, 0]

    assert any_lake.read(DELETIONS, "counter")["pmid"].to_pylist() == [40]


def test_a_writer_killed_before_its_pointer_moves_changes_nothing(tmp_path: Path):
    lake = Lake(tmp_path)
    lake.write(DELETIONS, rows_of(1), partition="a")
    code = """
import os, signal, sys
from kazu_platform.storage.lake import Lake
from kazu_platform.tables import DELETIONS
lake = Lake(sys.argv[1])
replace = lake.store.replace
lake.store.replace = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
row = {"pmid": 2, "version": None, "file": "x", "position": 0}
lake.write(DELETIONS, DELETIONS.from_rows([row]), partition="a")
"""

    finished = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

    assert finished.returncode == -signal.SIGKILL
    assert set(lake.read(DELETIONS, "a")["pmid"].to_pylist()) == {1}
    assert len(list((tmp_path / "deletions" / "a").glob("*.parquet"))) == 2


def test_an_open_warehouse_survives_its_replacement(tmp_path: Path):
    lake, path = Lake(tmp_path / "lake"), tmp_path / "warehouse.duckdb"
    lake.write(DELETIONS, rows_of(1), partition="a")
    build_warehouse(lake, path)

    with open_read_only(path, lake.root) as before:
        lake.write(DELETIONS, rows_of(2), partition="a")
        build_warehouse(lake, path)
        with open_read_only(path, lake.root) as after:
            assert pmid_in(before) == 1
            assert pmid_in(after) == 2


def pmid_in(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT any_value(pmid) FROM deletions").fetchone()
    assert row is not None
    return row[0]
