"""Questions to the warehouse: read-only, nothing outside the lake readable, and never for ever."""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from kazu_platform.errors import QueryError
from kazu_platform.storage.sql import quoted, without_glob

if TYPE_CHECKING:
    from collections.abc import Generator

_BATCH_ROWS = 65_536
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(ANALYZE\b|ANALYSE\b|\([^()]*\))?", re.IGNORECASE)


def open_read_only(
    path: Path,
    lake_root: Path,
    *,
    memory_limit: str = "50%",
    spill_limit: str = "20GB",
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for questions; close the connection, or use it as a context.

    The connection is to a database in memory with the warehouse attached: one that opens the file
    itself would go on seeing the old file while another in this process has it open.

    Args:
        path: the DuckDB file.
        lake_root: the folder that its views read; nothing else can be read.
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
        _must_show(lake_root.absolute(), connection, path)
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


def run_query(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    seconds: float = 60,
    max_rows: int | None = None,
) -> pa.Table:
    """Answer one SELECT; no more than max_rows rows, the first ones.

    WITH, FROM, VALUES, DESCRIBE, SHOW and SUMMARIZE are SELECTs too, and EXPLAIN of one.

    Raises:
        QueryError: it is something else, it is wrong, or it took too long.
    """
    statement = _single_select(connection, sql)
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
    failure = ""
    try:
        yield late
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        failure = str(error)
    finally:
        timer.cancel()
        timer.join()
    if late.is_set():
        raise QueryError(
            f"The query took more than {seconds:g} seconds and was stopped; ask for less, or allow "
            "more time."
        )
    if failure:
        raise QueryError(failure)
