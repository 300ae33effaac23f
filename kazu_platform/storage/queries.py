"""Questions to the warehouse: read-only, nothing outside the lake readable, and never for ever."""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from kazu_platform.errors import QueryError
from kazu_platform.storage.sql import quoted, without_glob

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

FOLDER_VARIABLE: Final = "kazu_lake"
"""Variable of a connection, for views that are read on more than one machine: the lake's folder."""
PATTERN_VARIABLE: Final = "kazu_lake_pattern"
"""The same, as DuckDB takes it for a pattern."""

_BATCH_ROWS = 65_536
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(ANALYZE\b|ANALYSE\b|\([^()]*\))?", re.IGNORECASE)


class MissingFileError(QueryError):
    """A file that a view names is not on this machine."""


@dataclass(frozen=True)
class Fetching:
    """A warehouse whose files are fetched when a question needs them.

    Attributes:
        connection: the warehouse, opened read-only.
        fetch: given what DuckDB says of a missing file, has the files of its table here; False:
            there was nothing to fetch.
    """

    connection: duckdb.DuckDBPyConnection
    fetch: Callable[[str], bool]


OpenWarehouse = duckdb.DuckDBPyConnection | Fetching
"""What questions are asked of."""


def open_read_only(
    path: Path,
    lake_root: Path,
    *,
    lake_url: str | None = None,
    memory_limit: str = "50%",
    spill_limit: str = "20GB",
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for questions; close the connection, or use it as a context.

    The connection is to a database in memory with the warehouse attached: one that opens the file
    itself would go on seeing the old file while another in this process has it open.

    Args:
        path: the DuckDB file.
        lake_root: the folder that its views read; nothing else can be read.
        lake_url: where the lake is, if its files are only fetched to that folder.
        memory_limit: as DuckDB writes it, of the machine's memory.
        spill_limit: what a query may write to a temporary folder, removed with the connection.

    Raises:
        QueryError: there is no warehouse, the file is none, or it shows another lake.
    """
    if not path.is_file():
        raise QueryError(f"There is no warehouse at {path}; make one: kazu-platform demo")
    spill = Path(tempfile.gettempdir()) / f"kazu-platform-{secrets.token_hex(8)}"
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "temp_directory": str(spill),
            "max_temp_directory_size": spill_limit,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            # Otherwise a table that is not found is looked for among Python's variables.
            "python_enable_replacements": False,
        }
    )
    try:
        connection.execute(f"ATTACH {quoted(str(path.absolute()))} AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        if lake_url is None:
            _must_show(lake_root.absolute(), connection, path)
        else:
            _must_show_url(lake_url, connection, path)
            name_lake(connection, lake_root)
        connection.execute("SET TimeZone = 'UTC'")  # answers do not depend on the machine
        # The order matters: directories can be allowed only before access is taken away, and
        # nothing can be set once the configuration is locked.
        # A view names files as patterns that match only themselves, so both spellings count.
        root = f"{lake_root.absolute()}/"
        allowed = ", ".join(quoted(each) for each in sorted({root, without_glob(root)}))
        connection.execute(f"SET allowed_directories = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        connection.close()
        raise QueryError(f"{path} cannot be opened as a warehouse: {error}") from None
    except QueryError:
        connection.close()
        raise
    return connection


def _must_show(lake_root: Path, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a warehouse that came here with a moved or copied home: it names files in full."""
    row = connection.execute("SELECT lake FROM warehouse_info").fetchone()
    made_for = Path(row[0]) if row else None
    if made_for is None or made_for.resolve() != lake_root.resolve():
        raise QueryError(
            f"{path} was made for the lake in {made_for}; run kazu-platform demo to build it for "
            f"{lake_root}."
        )


def _must_show_url(lake_url: str, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    row = connection.execute("SELECT lake FROM warehouse_info").fetchone()
    if row is None or row[0] != lake_url:
        raise QueryError(
            f"{path} was made for the lake in {row and row[0]}, not for {lake_url}; use another "
            "KAZU_HOME, or delete the file."
        )


def name_lake(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Say where files are, for views that do not."""
    root = str(folder.absolute())
    connection.execute(f"SET VARIABLE {FOLDER_VARIABLE} = {quoted(root)}")
    connection.execute(f"SET VARIABLE {PATTERN_VARIABLE} = {quoted(without_glob(root))}")


def run_query(
    warehouse: OpenWarehouse,
    sql: str,
    *,
    seconds: float = 60,
    max_rows: int | None = None,
) -> pa.Table:
    """Answer one SELECT; no more than max_rows rows, the first ones.

    WITH, FROM, VALUES, DESCRIBE, SHOW and SUMMARIZE are SELECTs too, and EXPLAIN of one. The time
    in which files are fetched does not count.

    Raises:
        QueryError: it is something else, it is wrong, or it took too long.
        LakeError: a file that must be fetched is gone.
    """
    if isinstance(warehouse, duckdb.DuckDBPyConnection):
        return _answer(warehouse, _single_select(warehouse, sql), seconds, max_rows)
    statement = _single_select(warehouse.connection, sql)
    while True:
        try:
            return _answer(warehouse.connection, statement, seconds, max_rows)
        except MissingFileError as error:
            if not warehouse.fetch(str(error)):
                raise


def _answer(
    connection: duckdb.DuckDBPyConnection, statement: str, seconds: float, max_rows: int | None
) -> pa.Table:
    with _time_limit(connection, seconds) as late:
        # `sql` streams its result, so that the first rows of a billion cost only themselves.
        reader = connection.sql(statement).to_arrow_reader(_BATCH_ROWS)
        batches: list[pa.RecordBatch] = []
        n_rows = 0
        while (max_rows is None or n_rows < max_rows) and not late.is_set():
            batch = next(reader, None)
            if batch is None:
                break
            batches.append(batch if max_rows is None else batch.slice(0, max_rows - n_rows))
            n_rows += len(batches[-1])
        found = pa.Table.from_batches(batches, schema=reader.schema)
        reader.close()
    return found


def _single_select(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1:
            raise QueryError(f"One statement at a time, please; this has {len(statements)}.")
        kind = statements[0].type
        judged = kind
        if kind == duckdb.StatementType.EXPLAIN:
            # EXPLAIN ANALYZE runs what it explains, so that must be a SELECT itself.
            explained = connection.extract_statements(_EXPLAIN.sub("", sql, count=1))
            judged = explained[0].type if len(explained) == 1 else kind
    except duckdb.Error as error:
        raise QueryError(str(error)) from None
    if judged != duckdb.StatementType.SELECT:
        raise QueryError(
            f"The warehouse only answers SELECT; this is {kind.name}. To keep a result, use "
            "--format csv or parquet."
        )
    return statements[0].query


@contextmanager
def _time_limit(
    connection: duckdb.DuckDBPyConnection, seconds: float
) -> Generator[threading.Event]:
    """Interrupt what runs on a connection after some time, and name every failure."""
    late = threading.Event()

    def interrupt() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    failure, is_missing = "", False
    try:
        yield late
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        failure, is_missing = str(error), is_missing_file(error)
    finally:
        timer.cancel()
        timer.join()
    if late.is_set():
        raise QueryError(
            f"The query took more than {seconds:g} seconds and was stopped; ask for less, or allow "
            "more time."
        )
    if failure:
        raise MissingFileError(failure) if is_missing else QueryError(failure)


def is_missing_file(error: Exception) -> bool:
    """Whether DuckDB stumbled over a file that is not there."""
    said = ("No files found that match", "No such file or directory")
    return any(text in str(error) for text in said)
