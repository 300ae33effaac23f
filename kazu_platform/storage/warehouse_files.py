"""How a warehouse names the files of the lake, and how its statements find them.

Where the lake is a folder, views name files in full. Where it is in a bucket, its files lie in a
folder that differs from machine to machine: views name it by a variable of the connection, and
files are fetched when a statement reads their rows. To make a view DuckDB looks at the files it
names, rows or not; it is shown empty ones of the same columns, so that a warehouse of everything is
built without everything being fetched.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from kazu_platform.errors import LakeError
from kazu_platform.storage.atomic import make_folder
from kazu_platform.storage.parquet import write_empty
from kazu_platform.storage.pointers import PARQUET, file_key, wanted_file
from kazu_platform.storage.queries import (
    FOLDER_VARIABLE,
    PATTERN_VARIABLE,
    is_missing_file,
    name_lake,
)
from kazu_platform.storage.sql import quoted, without_glob
from kazu_platform.tables import TABLES

if TYPE_CHECKING:
    from kazu_platform.storage.lake import Lake
    from kazu_platform.storage.pointers import Pointer

Run = Callable[[str], None]
Live = Mapping[str, Mapping[str, "Pointer"]]

_FILES: Final = {
    "table_name": pa.string(),
    "partition": pa.string(),
    "generation": pa.string(),
    "path": pa.string(),
    "n_bytes": pa.int64(),
    "schema_version": pa.string(),
    "data_version": pa.string(),
}
_READS_NO_ROWS: Final = re.compile(
    r"\s*(--[^\n]*\n\s*)*(CREATE (VIEW|MACRO)|COMMENT ON)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Names:
    """Names of files in SQL.

    Attributes:
        of: the pattern that matches the file of a pointer and nothing else.
        n_characters: how long the name of the lake's folder is.
    """

    of: Callable[[Pointer], str]
    n_characters: str


def names_in(lake: Lake) -> Names:
    """How views name the files of a lake."""
    if not lake.store.is_elsewhere:
        return Names(lambda each: quoted(without_glob(each.path)), str(len(str(lake.root))))
    return Names(
        lambda each: f"getvariable('{PATTERN_VARIABLE}') || {quoted('/' + file_key(each))}",
        f"length(getvariable('{FOLDER_VARIABLE}'))",
    )


def files_of(live: Live) -> pa.Table:
    """The table `warehouse_files`: what a warehouse reads, and how to tell that it is whole."""
    pointers = [each for found in live.values() for each in found.values()]
    columns = {
        name: [getattr(each, "table" if name == "table_name" else name) for each in pointers]
        for name in _FILES
    }
    return pa.table(columns, schema=pa.schema(list(_FILES.items())))


@contextmanager
def building(connection: duckdb.DuckDBPyConnection, lake: Lake, live: Live) -> Generator[Run]:
    """What runs the statements that a warehouse is made of."""
    if not lake.store.is_elsewhere:
        yield lambda sql: _run(connection, sql)
        return
    make_folder(lake.root)
    with tempfile.TemporaryDirectory(dir=lake.root, prefix=".views-") as folder:
        _stand_in(lake, live, Path(folder))

        def run(sql: str) -> None:
            for statement in connection.extract_statements(sql):
                if _READS_NO_ROWS.match(statement.query):
                    name_lake(connection, Path(folder))
                    connection.execute(statement)
                else:
                    name_lake(connection, lake.root)
                    _run_fetching(connection, statement, lake, live)

        yield run


def fetch_missing(connection: duckdb.DuckDBPyConnection, lake: Lake, said: str) -> bool:
    """Have the files of a table here, given what DuckDB says of one that is missing.

    Returns:
        Whether there was something to fetch.

    Raises:
        LakeError: a file is gone from the bucket, or not what it was.
    """
    name = _table_in(said, lake.root)
    rows = connection.cursor().execute(
        "SELECT partition, generation, n_bytes, schema_version, data_version "
        "FROM warehouse.warehouse_files WHERE table_name = $1",
        [name],
    )
    wanted = [
        wanted_file(f"{name}/{partition}/{generation}{PARQUET}", n_bytes, schema, version)
        for partition, generation, n_bytes, schema, version in rows.fetchall()
    ]
    missing = [each for each in wanted if not (lake.root / each.key).exists()]
    lake.store.here(wanted)
    return bool(missing)


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    connection.execute(sql)


def _run_fetching(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, lake: Lake, live: Live
) -> None:
    """Run a statement that reads rows; the tables that it reads are fetched as they are missed."""
    while True:
        try:
            connection.execute(statement)
        except duckdb.Error as error:
            name = _table_in(str(error), lake.root) if is_missing_file(error) else ""
            pointers = list(live.get(name, {}).values())
            if all((lake.root / file_key(each)).exists() for each in pointers):
                raise
            lake.here(pointers)
        else:
            return


def _table_in(said: str, root: Path) -> str:
    """The table whose file is named in a message.

    Raises:
        LakeError: none is.
    """
    spellings = (re.escape(each) for each in (str(root), without_glob(str(root))))
    found = re.search(f"(?:{'|'.join(spellings)})/(\\w+)/", said)
    if found is None or found[1] not in TABLES:
        raise LakeError(said)
    return found[1]


def _stand_in(lake: Lake, live: Live, folder: Path) -> None:
    """An empty file, of the same columns, for each that views name."""
    for name, pointers in live.items():
        empty: dict[frozenset[str], Path] = {}
        for pointer in pointers.values():
            absent = lake.absent_columns(TABLES[name], pointer)
            if absent not in empty:
                empty[absent] = folder / f"{name}-{len(empty)}{PARQUET}"
                write_empty(TABLES[name], absent, empty[absent])
            path = folder / file_key(pointer)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(empty[absent])
