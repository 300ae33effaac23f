"""`kazu-platform query`."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
Cells = Callable[[str], list[list[str]]]

ONE_OF_EACH = """
SELECT 'TNF-α, "soluble"' AS text, 7 AS number, sum(2)::HUGEINT AS total, 0.5::DOUBLE AS share,
       DATE '2026-01-12' AS day, [1, 2] AS list, {'start': 0} AS struct, NULL AS nothing,
       'nan'::DOUBLE AS nan
"""


@pytest.fixture(scope="module")
def query(kazu: Run, sample_home: Path) -> Run:
    """Ask the warehouse of the materialised sample."""

    def run(*arguments: str, stdin: str = "") -> Done:
        return kazu("query", *arguments, home=sample_home, stdin=stdin)

    return run


def test_a_table_has_a_header_and_a_row_for_each_row(query: Run, cells: Cells):
    done = query("SELECT concept_id, n_documents, n_mentions FROM top_concepts('disease', n := 2)")

    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout) == [
        ["concept_id", "n_documents", "n_mentions"],
        ["MONDO:0004992", "17", "39"],
        ["MONDO:0005015", "14", "27"],
    ]


def test_markup_in_a_cell_is_text(query: Run, cells: Cells):
    assert cells(query("SELECT '[red]x[/red]' AS m").stdout) == [["m"], ["[red]x[/red]"]]


def test_a_long_table_is_cut_and_says_so(query: Run, cells: Cells):
    done = query("SELECT range AS n FROM range(1003)")

    assert len(cells(done.stdout)) == 1 + 1000
    assert done.stderr == "3 more rows; use --format csv for all of them\n"


def test_csv_holds_every_value(query: Run):
    done = query(ONE_OF_EACH, "--format", "csv")

    header, row = csv.reader(io.StringIO(done.stdout))
    assert dict(zip(header, row, strict=True)) == {
        "text": 'TNF-α, "soluble"',
        "number": "7",
        "total": "2",
        "share": "0.5",
        "day": "2026-01-12",
        "list": "[1, 2]",
        "struct": '{"start": 0}',
        "nothing": "",
        "nan": "nan",
    }


def test_json_is_one_array_that_any_reader_takes(query: Run):
    done = query(ONE_OF_EACH, "--format", "json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(done.stdout, parse_constant=refuse) == [
        {
            "text": 'TNF-α, "soluble"',
            "number": 7,
            "total": 2,
            "share": 0.5,
            "day": "2026-01-12",
            "list": [1, 2],
            "struct": {"start": 0},
            "nothing": None,
            "nan": None,
        }
    ]


def test_no_rows_are_an_empty_answer(query: Run):
    nothing = "SELECT pmid FROM citations WHERE false"

    assert query(nothing, "--format", "json").stdout == "[]\n"
    assert query(nothing, "--format", "csv").stdout.split() == ["pmid"]


def test_two_columns_of_one_name_are_both_there(query: Run, cells: Cells):
    twice = "SELECT 1 AS a, 2 AS a, 3 AS b"

    assert query(twice, "--format", "csv").stdout.split() == ["a,a_1,b", "1,2,3"]
    assert json.loads(query(twice, "--format", "json").stdout) == [{"a": 1, "a_1": 2, "b": 3}]
    assert cells(query(twice).stdout) == [["a", "a_1", "b"], ["1", "2", "3"]]


def test_parquet_goes_to_a_file(
    program: Path, environment: Callable[..., dict[str, str]], sample_home: Path, tmp_path: Path
):
    path = tmp_path / "rows.parquet"
    with path.open("wb") as out:
        done = subprocess.run(
            [program, "query", "SELECT name, n_documents FROM nodes", "--format", "parquet"],
            stdout=out,
            stderr=subprocess.PIPE,
            env=environment(sample_home),
            timeout=60,
            check=False,
        )

    rows = pq.read_table(path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (rows.column_names, rows.num_rows) == (["name", "n_documents"], 392)


def test_a_statement_may_come_on_standard_input(query: Run):
    assert query("-", "--format", "csv", stdin="SELECT 1 AS x").stdout.split() == ["x", "1"]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP VIEW citations", "only answers SELECT; this is DROP"),
        ("COPY (SELECT 1) TO 'stolen.csv'", "only answers SELECT; this is COPY"),
        ("ATTACH 'other.duckdb'", "only answers SELECT; this is ATTACH"),
        ("SELECT 1; SELECT 2", "One statement at a time, please; this has 2."),
        ("FROM read_text('/etc/hostname')", "Permission Error"),
        ("SELECT nope FROM nodes", '"nope" not found'),
    ],
)
def test_what_is_no_answerable_select_is_refused(query: Run, statement: str, why: str):
    done = query(statement, "--format", "csv")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_query_that_takes_too_long_is_stopped(query: Run):
    endless = (
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range = 7"
    )
    began = time.monotonic()

    done = query(endless, "--seconds", "0.2")

    assert time.monotonic() - began < 5
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: The query took more than 0.2 seconds and was stopped; ask for less, or allow more "
        "time.\n"
    )


def test_without_a_warehouse_it_says_what_to_run(kazu: Run, tmp_path: Path):
    done = kazu("query", "SELECT 1", home=tmp_path / "home")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: There is no warehouse at {tmp_path}/home/warehouse.duckdb; make one: "
        "kazu-platform demo\n"
    )
    assert not (tmp_path / "home").exists()


def test_a_file_that_is_no_warehouse_is_named(kazu: Run, tmp_path: Path):
    path = tmp_path / "warehouse.duckdb"
    path.write_text("not a database", "utf-8")

    done = kazu("query", "SELECT 1", home=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {path} cannot be opened as a warehouse")


@pytest.mark.parametrize("form", ["csv", "table", "parquet"])
def test_a_reader_that_goes_away_leaves_no_traceback(
    program: Path,
    environment: Callable[..., dict[str, str]],
    sample_home: Path,
    form: str,
):
    rows = "SELECT range AS n, repeat('x', 100) AS x FROM range(50000)"
    command = f"'{program}' query \"{rows}\" --seconds 30 --format {form} | head -c 1"

    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        env=environment(sample_home),
        timeout=60,
        check=False,
    )

    talk = b"" if form != "table" else b"49000 more rows; use --format csv for all of them\n"
    assert len(done.stdout) == 1
    assert done.stderr in (b"", talk)


def test_an_unknown_format_names_the_ones_there_are(query: Run):
    done = query("SELECT 1", "--format", "xml")

    assert done.returncode == 2
    assert all(form in done.stderr for form in ("table", "csv", "json", "parquet"))
