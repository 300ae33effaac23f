"""The warehouse: one DuckDB file of views, small tables and macros over the live lake.

It is built beside and then takes the place of the old one, so whoever has it open goes on with
what they opened. It names files, not folders: what it shows is the state of one moment, until it
is built again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from kazu_platform.documents import digest
from kazu_platform.errors import LakeError, QueryError
from kazu_platform.storage.atomic import make_folder, move_atomically, temporary_beside
from kazu_platform.storage.pointers import file_key
from kazu_platform.storage.queries import open_read_only, run_query
from kazu_platform.storage.sql import quoted, sql_type
from kazu_platform.storage.warehouse_files import building, files_of, names_in
from kazu_platform.tables import CONCEPT_EQUIVALENTS, CONCEPT_RELATIONS, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kazu_platform.storage.lake import Lake
    from kazu_platform.storage.pointers import Pointer
    from kazu_platform.storage.warehouse_files import Run
    from kazu_platform.tables import Table

__all__ = [
    "BuiltWarehouse",
    "behind",
    "build_warehouse",
    "files_named_by",
    "open_read_only",
    "run_query",
]

FORMAT_VERSION = 2
SCRIPTS = ("views.sql", "macros.sql")
# Rows that lie in very many small files are copied: opening ten thousand files for a handful of
# rows takes seconds, at each query.
_MANY_FILES = 200
_FEW_ROWS = 1_000_000

# Everything below a concept by is_a, as the graph has it: of concepts that follow no other, with
# the leaders of their parents. UNION drops what is known already, so a cycle ends; a concept is not
# its own ancestor even then. Sorted, so that the rows of one ancestor lie together.
_CLOSURE = """
CREATE TABLE concept_ancestors AS
WITH RECURSIVE followers AS (
    SELECT concept_id, ontology, leader_id FROM concept_equivalents WHERE leader_id IS NOT NULL
),
is_a AS (
    SELECT DISTINCT r.subject_id, coalesce(f.leader_id, r.object_id) AS object_id
    FROM concept_relations r
    LEFT JOIN followers f ON f.concept_id = r.object_id AND f.ontology = r.ontology
    WHERE r.predicate = 'is_a'
        AND (r.subject_id, r.ontology) NOT IN (SELECT (concept_id, ontology) FROM followers)
),
walk AS (
    SELECT subject_id AS concept_id, object_id AS ancestor_id FROM is_a
    UNION
    SELECT walk.concept_id, is_a.object_id FROM walk JOIN is_a ON is_a.subject_id = walk.ancestor_id
)
FROM walk WHERE concept_id <> ancestor_id ORDER BY ancestor_id, concept_id
"""


@dataclass(frozen=True, slots=True)
class BuiltWarehouse:
    """What a warehouse shows: rows of each stored table, and how many files they lie in."""

    path: Path
    n_rows: Mapping[str, int]
    n_files: int
    n_bytes: int
    built_at: datetime
    seconds: float


def build_warehouse(lake: Lake, path: Path) -> BuiltWarehouse:
    """Build the warehouse of what is live now and put it in the place of the old one.

    Args:
        lake: where the rows are.
        path: the DuckDB file.

    Raises:
        LakeError: a pointer or a file that one names is missing or damaged; the old warehouse
            stays.
        OldSchemaError: a partition cannot be migrated; the old warehouse stays.
    """
    began = time.monotonic()
    built_at = datetime.now(UTC)
    live = {table.name: lake.pointers(table) for table in TABLES.values() if table.stored}
    make_folder(path.parent.absolute())
    temporary = temporary_beside(path)
    try:
        with duckdb.connect(str(temporary)) as connection, building(connection, lake, live) as run:
            _fill(connection, run, lake, live, built_at)
            _add_ancestors(connection, run, path, _ancestors_of(live))
            for script in SCRIPTS:
                run(Path(__file__).with_name(script).read_text("utf-8"))
            connection.execute("CHECKPOINT")
        move_atomically(temporary, path)
    except duckdb.Error as error:
        raise LakeError(f"The warehouse {path} could not be built: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
        Path(f"{temporary}.wal").unlink(missing_ok=True)
    return BuiltWarehouse(
        path=path,
        n_rows={
            name: sum(pointer.n_rows for pointer in found.values()) for name, found in live.items()
        },
        n_files=sum(len(found) for found in live.values()),
        n_bytes=path.stat().st_size,
        built_at=built_at,
        seconds=time.monotonic() - began,
    )


def behind(lake: Lake, path: Path) -> list[str]:
    """What a warehouse does not show as it now is: partitions, or its own views and macros.

    Nothing: building it again would make the same. A file that is no warehouse is behind, too.
    """
    try:
        shown, made_by, of_lake = _named_by(path), *_made_by(path)
    except QueryError as error:
        return [str(error)]
    if (made_by, of_lake) != (_code_version(), lake.url):
        return [f"{path} was made by another version, or for another lake"]
    live = {
        pointer.path: f"{table.name} {partition}"
        for table in TABLES.values()
        for partition, pointer in lake.pointers(table).items()
    }
    newer = [name for file, name in live.items() if file not in shown]
    return newer + sorted(set(shown.values()) - set(live.values()))


def files_named_by(path: Path) -> frozenset[str]:
    """Parquet files that a warehouse reads; none if there is no warehouse.

    Raises:
        QueryError: the file is no warehouse.
    """
    return frozenset(_named_by(path)) if path.exists() else frozenset()


def _named_by(path: Path) -> dict[str, str]:
    """Parquet files that a warehouse reads, each with its table and partition."""
    sql = "SELECT path, table_name || ' ' || partition FROM warehouse.warehouse_files"
    return {file: name for file, name in _ask(path, sql)}  # noqa: C416 - says that they are two


def _made_by(path: Path) -> tuple[str, str]:
    ((code_version, lake),) = _ask(path, "SELECT code_version, lake FROM warehouse.warehouse_info")
    return code_version, lake


def _ask(path: Path, sql: str) -> list[tuple[str, ...]]:
    """Rows of a warehouse's own tables.

    Raises:
        QueryError: the file is no warehouse, or that of another version.
    """
    try:
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH {quoted(str(path))} AS warehouse (READ_ONLY)")
            return connection.execute(sql).fetchall()
    except duckdb.Error as error:
        raise QueryError(
            f"{path} is no warehouse ({error}); build it: kazu-platform demo"
        ) from None


def _code_version() -> str:
    """Changes with the views and macros that a warehouse holds."""
    scripts = (Path(__file__).with_name(name).read_text("utf-8") for name in SCRIPTS)
    return digest(str(FORMAT_VERSION), _CLOSURE, *scripts)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    lake: Lake,
    live: Mapping[str, Mapping[str, Pointer]],
    built_at: datetime,
) -> None:
    connection.execute("CREATE SCHEMA lake")
    for name, pointers in live.items():
        for statement in _view_of(TABLES[name], lake, list(pointers.values())):
            run(statement)
    connection.register("given_files", files_of(live))
    connection.execute("CREATE TABLE warehouse_files AS FROM given_files")
    connection.unregister("given_files")
    connection.execute(
        "CREATE TABLE warehouse_info AS "
        "SELECT $1::TIMESTAMPTZ AS built_at, $2::VARCHAR AS lake, $3::VARCHAR AS code_version, "
        "$4::VARCHAR AS ancestors_of",
        [built_at, lake.url, _code_version(), _ancestors_of(live)],
    )


def _add_ancestors(
    connection: duckdb.DuckDBPyConnection, run: Run, former: Path, wanted: str
) -> None:
    """Make the table of ancestors, or take it over from a warehouse that has the same."""
    try:
        connection.execute(f"ATTACH {quoted(str(former))} AS former (READ_ONLY)")
        there = connection.execute("SELECT ancestors_of FROM former.warehouse_info").fetchall()
        if there == [(wanted,)]:
            connection.execute("CREATE TABLE concept_ancestors AS FROM former.concept_ancestors")
            return
    except duckdb.Error:  # there is no warehouse, or it is damaged or of another version
        connection.execute("DROP TABLE IF EXISTS concept_ancestors")
    finally:
        connection.execute("DETACH DATABASE IF EXISTS former")
    run(_CLOSURE)


def _ancestors_of(live: Mapping[str, Mapping[str, Pointer]]) -> str:
    """Version of what the table of ancestors is made of."""
    tables = (CONCEPT_RELATIONS.name, CONCEPT_EQUIVALENTS.name)
    versions = [each.data_version for name in tables for each in live[name].values()]
    return digest(_CLOSURE, *versions)


def _view_of(table: Table, lake: Lake, pointers: list[Pointer]) -> list[str]:
    """Statements that make `lake.<table>`, with the partition of each row, and `<table>`."""
    columns = ", ".join(f'"{name}"' for name in table.schema.names)
    groups: dict[frozenset[str], list[Pointer]] = {}
    there = {entry.key: entry.n_bytes for entry in lake.store.entries(table.name)}
    for pointer in pointers:
        _must_be_whole(pointer, there.get(file_key(pointer)))
        absent = lake.absent_columns(table, pointer)
        if pointer.n_rows:
            groups.setdefault(absent, []).append(pointer)
    n_files = sum(len(group) for group in groups.values())
    n_rows = sum(pointer.n_rows for pointer in pointers)
    kind = "TABLE" if n_files > _MANY_FILES and n_rows < _FEW_ROWS else "VIEW"
    selects = [_select(table, lake, absent, group) for absent, group in groups.items()]
    statements = [
        f"CREATE {kind} lake.{table.name} AS {' UNION ALL '.join(selects) or _nothing(table)}",
        f"CREATE VIEW {table.name} AS SELECT {columns} FROM lake.{table.name}",  # noqa: S608 - the same
        f"COMMENT ON VIEW {table.name} IS {quoted(f'One row is {table.row}.')}",
    ]
    for field in table.schema:
        meaning = (field.metadata or {}).get(b"description", b"").decode()
        statements.append(f'COMMENT ON COLUMN {table.name}."{field.name}" IS {quoted(meaning)}')
    return statements


def _select(table: Table, lake: Lake, absent: frozenset[str], pointers: list[Pointer]) -> str:
    columns = [
        f'NULL::{sql_type(field.type)} AS "{field.name}"'
        if field.name in absent
        else f'"{field.name}"'
        for field in table.schema
    ]
    names = names_in(lake)
    before = f"{names.n_characters} + {len(table.name) + 3}"  # two slashes, and counted from one
    partition = f"parse_dirpath(substring(filename, {before}), 'forward_slash')"
    files = ", ".join(names.of(pointer) for pointer in pointers)
    return (
        f"SELECT {', '.join(columns)}, {partition} AS partition "  # noqa: S608 - from tables.py
        f"FROM read_parquet([{files}], hive_partitioning = false)"
    )


def _nothing(table: Table) -> str:
    columns = [f'NULL::{sql_type(field.type)} AS "{field.name}"' for field in table.schema]
    return f"SELECT {', '.join(columns)}, NULL::VARCHAR AS partition WHERE false"


def _must_be_whole(pointer: Pointer, found: int | None) -> None:
    if found != pointer.n_bytes:
        is_now = "is not there" if found is None else f"has {found} bytes"
        raise LakeError(
            f"{pointer.path} {is_now}, its pointer says {pointer.n_bytes}; materialise "
            f"{pointer.table} {pointer.partition} again."
        )
