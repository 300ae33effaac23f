"""`kazu-platform query`: one SELECT on the warehouse, printed for people or programs."""

from __future__ import annotations

import csv
import json
import math
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kazu_platform.commands.given import decoded, encoded
from kazu_platform.errors import QueryError
from kazu_platform.settings import read_settings

if TYPE_CHECKING:
    from typing import TextIO

    import pyarrow as pa

MAX_TABLE_ROWS = 1_000


def read_statement(sql: str, stdin: TextIO) -> str:
    """The statement of the argument, or of standard input where that is `-`.

    Raises:
        ConfigurationError: it is not UTF-8.
    """
    if sql == "-":
        return decoded("stdin", stdin.buffer.read())
    return decoded("the statement", encoded(sql))


def query_warehouse(sql: str, seconds: float) -> pa.Table:
    """The rows that answer one statement.

    Raises:
        QueryError: there is no warehouse, the statement is refused, wrong, or takes too long.
    """
    from kazu_platform.storage.places import warehouse_of
    from kazu_platform.storage.queries import run_query

    with warehouse_of(read_settings()).opened() as warehouse:
        return run_query(warehouse, sql, seconds=seconds)


def print_rows(rows: pa.Table, form: str, out: TextIO) -> None:
    """Print rows as a table, CSV, a JSON array of objects, or Parquet bytes."""
    rows = rows.rename_columns(_distinct(rows.column_names))
    if form == "json":
        json.dump(_for_json(rows.to_pylist()), out, ensure_ascii=False, allow_nan=False)
        out.write("\n")
    elif form == "csv":
        writer = csv.writer(out)
        writer.writerow(rows.column_names)
        writer.writerows([_csv_cell(v) for v in row.values()] for row in rows.to_pylist())
    elif form == "parquet":
        _print_parquet(rows, out)
    else:
        _print_table(rows, out)


def _distinct(names: list[str]) -> list[str]:
    """Names of columns, told apart by a number where SQL allows the same one twice.

    >>> _distinct(["a", "b", "a", "a", "a_1"])
    ['a', 'b', 'a_1', 'a_2', 'a_1_1']
    """
    found: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found[free] = None
    return list(found)


def _for_json(value: Any) -> Any:  # noqa: ANN401 - a cell holds anything
    r"""A value as JSON can say it: no NaN, sums as numbers, bytes as hexadecimal digits.

    >>> _for_json([Decimal(7), Decimal("1.50"), float("nan"), b"\x00a", None])
    [7, 1.5, None, '0061', None]
    """
    if isinstance(value, dict):
        return {str(key): _for_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_for_json(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, str | int) else str(value)


def _csv_cell(value: Any) -> Any:  # noqa: ANN401 - a cell holds anything
    if isinstance(value, list | dict):
        return json.dumps(_for_json(value), ensure_ascii=False, allow_nan=False)
    return value.hex() if isinstance(value, bytes) else value


def _print_parquet(rows: pa.Table, out: TextIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if out.isatty():
        raise QueryError("Parquet is binary; send it to a file: --format parquet > rows.parquet")
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer)
    out.flush()
    out.buffer.write(buffer.getvalue().to_pybytes())


def _print_table(rows: pa.Table, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for field in rows.schema:
        table.add_column(field.name, justify="right" if _is_number(field.type) else "left")
    for row in rows.slice(0, MAX_TABLE_ROWS).to_pylist():
        table.add_row(*(Text("" if value is None else _plain(value)) for value in row.values()))
    Console(file=out, width=None if out.isatty() else 160).print(table)
    if rows.num_rows > MAX_TABLE_ROWS:
        left = f"{rows.num_rows - MAX_TABLE_ROWS} more rows; use --format csv for all of them"
        sys.stderr.write(f"{left}\n")


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(kind) for is_kind in kinds)


def _plain(value: Any) -> str:  # noqa: ANN401 - a cell holds anything
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return str(value)
