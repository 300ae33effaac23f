"""Questions to the warehouse: nothing changes, nothing outside is read, nothing lasts for ever."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kazu_platform.errors import QueryError
from kazu_platform.storage.warehouse import build_warehouse, open_read_only, run_query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from kazu_platform.storage.lake import Lake


@pytest.fixture(scope="module")
def warehouse(
    shared_corpus: Lake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"
    build_warehouse(shared_corpus, path)
    with open_read_only(path, shared_corpus.root) as connection:
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM citations",
        "WITH c AS (FROM citations) SELECT * FROM c",
        "FROM citations",
        "DESCRIBE citations",
        "SHOW TABLES",
        "SUMMARIZE citations",
        "VALUES (1)",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "explain (analyze, format json) select 1",
        "-- how many?\nSELECT 1;",
    ],
)
def test_questions_are_answered(warehouse: duckdb.DuckDBPyConnection, sql: str):
    assert run_query(warehouse, sql).num_rows >= 1


@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "COPY citations TO '{lake}/stolen.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{lake}/stolen.csv'",
        "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{lake}/stolen.csv'",
        "EXPLAIN /* ( */ ANALYZE COPY (SELECT 1) TO '{lake}/stolen.csv'",
        "EXPORT DATABASE '{lake}/stolen'",
        "ATTACH '/tmp/other.duckdb'",
        "DETACH warehouse",
        "CREATE TABLE t (a INTEGER)",
        "CREATE TABLE memory.t (a INTEGER)",
        "CREATE MACRO m() AS 1",
        "DROP VIEW citations",
        "INSERT INTO warehouse_info VALUES (NULL, NULL, 1)",
        "UPDATE warehouse_info SET lake = 'x'",
        "DELETE FROM warehouse_info",
        "SET memory_limit = '1TB'",
        "SET VARIABLE x = 1",
        "RESET memory_limit",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL pragma_version()",
        "PREPARE q AS SELECT 1",
        "USE memory",
        "BEGIN",
        "CHECKPOINT",
        "VACUUM",
        "SELEC 1",
    ],
)
def test_anything_else_is_refused(
    warehouse: duckdb.DuckDBPyConnection, shared_corpus: Lake, sql: str
):
    with pytest.raises(QueryError):
        run_query(warehouse, sql.format(lake=shared_corpus.root))

    assert not list(shared_corpus.root.glob("stolen*"))
    assert run_query(warehouse, "SELECT 1 AS one").to_pylist() == [{"one": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM read_text('/etc/passwd')",
        "FROM read_blob('/proc/self/environ')",
        "FROM read_text('{lake}/../../../../../../../../etc/passwd')",
        "FROM read_text('file:///etc/passwd')",
        "FROM read_text('https://example.org/')",
        "FROM read_parquet('{beside}')",
        "FROM '{beside}'",
        "FROM glob('/etc/*')",
        "FROM sniff_csv('/etc/passwd')",
        "SELECT getenv('HOME')",
        "FROM query('COPY (SELECT 1) TO ''{lake}/stolen.csv''')",
        "FROM here",
    ],
)
def test_nothing_outside_the_lake_is_read(
    warehouse: duckdb.DuckDBPyConnection, shared_corpus: Lake, sql: str
):
    beside = shared_corpus.root.with_name("lake-beside.parquet")  # begins as the lake's name does
    pq.write_table(pa.table({"secret": [1]}), beside)
    here = pa.table({"secret": [1]})
    assert here.num_rows == 1

    with pytest.raises(QueryError):
        run_query(warehouse, sql.format(lake=shared_corpus.root, beside=beside))

    assert not list(shared_corpus.root.glob("stolen*"))


def test_settings_cannot_be_changed_even_without_the_guard(warehouse: duckdb.DuckDBPyConnection):
    import duckdb

    for sql in (
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_directories = ['/']",
        "ATTACH '/tmp/other.duckdb'",
    ):
        with pytest.raises(duckdb.Error):
            warehouse.execute(sql)


def test_a_query_that_takes_too_long_is_stopped(warehouse: duckdb.DuckDBPyConnection):
    began = time.monotonic()

    with pytest.raises(QueryError, match=r"took more than 0\.3 seconds"):
        run_query(
            warehouse, "SELECT count(*) FROM range(10000000000) a, range(1000) b", seconds=0.3
        )

    assert time.monotonic() - began < 5
    assert run_query(warehouse, "SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_only_the_first_rows_of_an_endless_answer_are_computed(
    warehouse: duckdb.DuckDBPyConnection,
):
    found = run_query(warehouse, "FROM range(1000000000000)", max_rows=3)

    assert found.to_pydict() == {"range": [0, 1, 2]}
    assert run_query(warehouse, "FROM range(3)", max_rows=0).num_rows == 0
    assert run_query(warehouse, "FROM range(3)").num_rows == 3


def test_an_error_is_said_in_duckdb_s_words(warehouse: duckdb.DuckDBPyConnection):
    with pytest.raises(QueryError, match='"labell" not found'):
        run_query(warehouse, "SELECT labell FROM annotations")
    with pytest.raises(QueryError, match="Conversion Error"):
        run_query(warehouse, "FROM history('TNF')")


def test_a_missing_warehouse_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(QueryError, match="kazu-platform demo"):
        open_read_only(tmp_path / "warehouse.duckdb", tmp_path)

    (tmp_path / "warehouse.duckdb").write_bytes(os.urandom(5000))
    with pytest.raises(QueryError, match="cannot be opened"):
        open_read_only(tmp_path / "warehouse.duckdb", tmp_path)
