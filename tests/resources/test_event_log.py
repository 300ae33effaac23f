"""Our event log stores what Dagster's own stores, where Dagster's own would look for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from resources.dagster_home import open_instance
from resources.event_log import KEPT, KeptSqliteEventLogStorage

if TYPE_CHECKING:
    from pathlib import Path


@dg.asset
def numbers() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"n": 3})


def run_some(home: Path, times: int) -> list[str]:
    with open_instance(home) as instance:
        assert isinstance(instance.event_log_storage, KeptSqliteEventLogStorage)
        return [dg.materialize([numbers], instance=instance).run_id for _ in range(times)]


def test_dagster_itself_reads_what_was_stored(tmp_path: Path):
    run_ids = run_some(tmp_path / "home", KEPT + 2)

    plain = SqliteEventLogStorage(str(tmp_path / "home" / "history" / "runs"))
    for run_id in run_ids:
        kinds = [entry.dagster_event_type for entry in plain.get_logs_for_run(run_id)]
        assert kinds[-1] is dg.DagsterEventType.RUN_SUCCESS
        assert kinds.count(dg.DagsterEventType.ASSET_MATERIALIZATION) == 1
    [record] = plain.get_asset_records([numbers.key])
    assert record.asset_entry.last_run_id == run_ids[-1]


def test_a_moved_home_keeps_its_history(tmp_path: Path):
    (run_id,) = run_some(tmp_path / "home", 1)

    moved = (tmp_path / "home").rename(tmp_path / "moved")

    with open_instance(moved) as instance:
        assert instance.get_run_by_id(run_id) is not None
        assert instance.get_latest_materialization_event(numbers.key) is not None
        assert instance.all_logs(run_id)


def test_every_shard_has_what_dagster_makes_of_one(tmp_path: Path):
    """All but the first are copies of it."""
    run_ids = run_some(tmp_path / "home", 3)
    shards = tmp_path / "home" / "history" / "runs"

    own = SqliteEventLogStorage(str(tmp_path / "plain"))
    with own.run_connection("made-by-dagster"):
        pass

    assert len({schema(shards / f"{run_id}.db") for run_id in run_ids}) == 1
    assert schema(shards / f"{run_ids[-1]}.db") == schema(tmp_path / "plain/made-by-dagster.db")


def schema(path: Path) -> tuple[object, ...]:
    """Tables and indices of a database, the revision that it is of, and its journal."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
        revision = connection.execute("SELECT version_num FROM alembic_version")
        journal = connection.execute("PRAGMA journal_mode")
        return (*tables.fetchall(), *revision.fetchall(), *journal.fetchall())
