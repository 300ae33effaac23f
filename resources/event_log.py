"""Dagster's SQLite event log with its connections kept.

Dagster opens a new engine, a new connection and compiles every statement anew for each event it
stores; a run of the whole sample stores some 2,300. It also makes the tables of each run's shard by
going through the history of all its migrations; a backfill of PubMed asks for 1,500 runs at once.
What is stored is the same, and where.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import create_engine, event

from kazu_platform.storage.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Generator

    from dagster._serdes import ConfigurableClassData
    from sqlalchemy.engine import Connection, Engine

KEPT = 4  # shards: the index of all runs, and the runs that are under way


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """As `SqliteEventLogStorage`, with one open connection for each of the last few shards."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._empty_shard: bytes | None = None
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: object
    ) -> KeptSqliteEventLogStorage:
        """Dagster's usual folder; `dagster.yaml` says nothing of it."""
        del config_value
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to set, so that a home can be moved."""
        return {}

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            event.listen(self._engines[shard], "connect", _synchronise_less)
            if len(self._engines) > KEPT:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(shard)
        if shard not in self._initialized_dbs:
            self._make_tables(shard, self._engines[shard])
            self._initialized_dbs.add(shard)
        return self._engines[shard]

    def _make_tables(self, shard: str, engine: Engine) -> None:
        """Make the tables of a shard; a new one is a copy of the first that was made here."""
        path = Path(self.path_for_shard(shard))
        is_new = shard != INDEX_SHARD_NAME and not path.exists()
        if is_new and self._empty_shard is not None:
            write_atomically(path, self._empty_shard)
            return
        self._initdb(engine)
        if is_new:
            with engine.connect() as connection:
                self._empty_shard = _content(connection)

    def dispose(self) -> None:
        """Close what is open."""
        super().dispose()  # whoever watches the log stops before its connections go
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _content(connection: Connection) -> bytes:
    """The whole database, as its file would hold it."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - what SQLAlchemy has for sqlite://
    return raw.serialize()


def _synchronise_less(connection: sqlite3.Connection, _record: object) -> None:
    """A power cut may cost the last events, never the database (SQLite: WAL and NORMAL)."""
    connection.execute("PRAGMA synchronous=NORMAL")
