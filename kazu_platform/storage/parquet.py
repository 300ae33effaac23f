"""Parquet files of the lake: equal rows give equal bytes, and older schemas are told apart.

Rows arrive in batches of any size and leave in row groups of one size, so that neither memory nor
bytes depend on how they were cut.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kazu_platform.arrow import compute
from kazu_platform.documents import digest
from kazu_platform.errors import LakeError, OldSchemaError, SchemaError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from kazu_platform.tables import Table

Rows = pa.Table | pa.RecordBatch | Iterable[pa.Table | pa.RecordBatch]

# Small enough that a few citations of a file are read without unpacking all its abstracts, large
# enough that fifteen columns of mentions still compress well.
ROW_GROUP_ROWS = 16_384
_MAGIC = b"PAR1"
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written to a file."""

    n_rows: int
    n_bytes: int
    data_version: str


def fingerprint(schema: pa.Schema) -> str:
    """Hash names, types and nullability; descriptions may be reworded without a new schema.

    >>> fingerprint(pa.schema([pa.field("pmid", pa.int64(), nullable=False)]))
    'fad7893f1996463a475049fc'
    """
    return digest(*(f"{field.name}\t{field.type}\t{field.nullable}" for field in schema))


def write_parquet(table: Table, rows: Rows, path: Path) -> Summary:
    """Write rows to a new file, checking each batch; memory is that of one row group.

    A whole table is sorted into the table's order first; batches are written as they come.

    Raises:
        SchemaError: a batch does not fit; the file is then incomplete.
    """
    schema = table.schema.with_metadata({"table": table.name, "row": table.row})
    n_rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for group in _row_groups(table, rows):
            writer.write_table(group.cast(schema), row_group_size=ROW_GROUP_ROWS)
            n_rows += len(group)
    return Summary(n_rows, path.stat().st_size, data_version(path, fingerprint(table.schema)))


def write_empty(table: Table, absent: Collection[str], path: Path) -> None:
    """Write a file of no rows, without some of the columns."""
    rows = table.empty()
    pq.write_table(rows.select([name for name in rows.column_names if name not in absent]), path)


def check_unique(table: Table, path: Path) -> None:
    """Read the key columns of a file and refuse it if a key stands there twice.

    Raises:
        SchemaError: names some of the keys.
    """
    keys = pq.ParquetFile(path).read(columns=list(table.key))
    counts = keys.group_by(list(table.key)).aggregate([([], "count_all")])
    twice = counts.filter(pc.field("count_all") > 1)
    if len(twice):
        examples = "; ".join(
            ", ".join(f"{name} {row[name]!r}" for name in table.key)
            for row in twice.slice(0, _EXAMPLES).to_pylist()
        )
        raise SchemaError(
            f"{table.name}: {len(twice)} keys stand there more than once: {examples}. "
            "Nothing was written."
        )


def read_batches(
    table: Table, path: str, columns: Sequence[str] | None, *, partition: str
) -> Iterator[pa.RecordBatch]:
    """Read a file a row group's worth of rows at a time, in the table's present schema.

    Raises:
        LakeError: the file is missing, cut short or damaged.
        OldSchemaError: it has another schema, and not only fewer columns that may be null.
    """
    schema = select(table, columns)
    with reading(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    absent = missing_columns(table, file.schema_arrow, partition=partition)
    present = [name for name in schema.names if name not in absent]
    with reading(path), file:
        for batch in file.iter_batches(batch_size=ROW_GROUP_ROWS, columns=present):
            yield _fill(batch, schema)


def read_schema(path: str) -> pa.Schema:
    """Schema of a file.

    Raises:
        LakeError: the file is missing, cut short or damaged.
    """
    with reading(path):
        return pq.read_schema(path)


def select(table: Table, columns: Sequence[str] | None) -> pa.Schema:
    """The table's schema, or the columns asked for, in the order asked for.

    Raises:
        UnknownNameError: there is no such column; the nearest name is said.
    """
    if columns is None:
        return table.schema
    for name in columns:
        if name not in table.schema.names:
            raise UnknownNameError.of(f"column of {table.name}", name, table.schema.names)
    return pa.schema([table.schema.field(name) for name in columns])


def missing_columns(table: Table, found: pa.Schema, *, partition: str) -> frozenset[str]:
    """Columns that a file of an older schema lacks and that may be null.

    Raises:
        OldSchemaError: there is any other difference; lists all of them.
    """
    absent: set[str] = set()
    problems: list[str] = []
    for wanted in table.schema:
        if wanted.name not in found.names:
            if wanted.nullable:
                absent.add(wanted.name)
            else:
                problems.append(f"column {wanted.name} is missing")
        elif (is_type := found.field(wanted.name).type) != wanted.type:
            problems.append(f"column {wanted.name} is {is_type}, should be {wanted.type}")
        elif found.field(wanted.name).nullable and not wanted.nullable:
            problems.append(f"column {wanted.name} may be null and should not")
    problems += [
        f"column {name} is no longer there"
        for name in found.names
        if name not in table.schema.names
    ]
    if problems:
        raise OldSchemaError(
            f"{table.name} {partition} was written by another version of the platform: "
            f"{'; '.join(problems)}. Materialise {table.name} again, for instance: "
            "kazu-platform demo"
        )
    return frozenset(absent)


@contextmanager
def reading(path: str) -> Generator[None]:
    """Turn what Arrow says about a bad file into an error that names it."""
    try:
        yield
    except FileNotFoundError:
        raise LakeError(
            f"{path} is named by a pointer and is not there; materialise the partition again."
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise LakeError(
            f"{path} cannot be read as Parquet ({error}); delete it and materialise the partition "
            "again."
        ) from error


def _row_groups(table: Table, rows: Rows) -> Iterator[pa.Table]:
    """Checked rows in tables of ROW_GROUP_ROWS, the last one shorter."""
    waiting: list[pa.Table] = []
    n_waiting = 0
    for batch in _checked(table, rows):
        waiting.append(batch)
        n_waiting += len(batch)
        if n_waiting >= ROW_GROUP_ROWS:
            joined = pa.concat_tables(waiting)
            whole = n_waiting - n_waiting % ROW_GROUP_ROWS
            for start in range(0, whole, ROW_GROUP_ROWS):
                yield joined.slice(start, ROW_GROUP_ROWS).combine_chunks()
            waiting = [joined.slice(whole)]
            n_waiting -= whole
    if n_waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _checked(table: Table, rows: Rows) -> Iterator[pa.Table]:
    if isinstance(rows, pa.Table):
        checked = table.check(rows)
        yield checked if _in_order(table, checked) else table.sort(checked)
        return
    for batch in [rows] if isinstance(rows, pa.RecordBatch) else rows:
        yield table.check(_as_table(batch))


def _in_order(table: Table, rows: pa.Table) -> bool:
    """Whether rows are sorted, as most come: to ask takes a tenth of the time that sorting takes.

    Nulls are for the sort to place, and values that nothing can compare (NaN) are in no order.
    """
    if not table.order or any(rows[name].null_count for name in table.order):
        return not table.order
    rising: pa.ChunkedArray | None = None
    for name in reversed(table.order):
        before, after = rows[name].slice(0, max(len(rows) - 1, 0)), rows[name].slice(1)
        if rising is None:
            rising = compute.less_equal(before, after)
        else:
            ties = compute.and_(compute.equal(before, after), rising)
            rising = compute.or_(compute.less(before, after), ties)
    return compute.all(rising, min_count=0).as_py()


def _as_table(batch: pa.Table | pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch


def data_version(path: Path, schema_version: str) -> str:
    """Hash the pages and the schema. The footer is left out: it repeats column descriptions.

    A Parquet file is `PAR1`, pages, footer, the footer's length in four bytes, `PAR1`
    (https://parquet.apache.org/docs/file-format/).
    """
    size = path.stat().st_size
    hashed = sha256(schema_version.encode())
    with path.open("rb") as file:
        file.seek(size - 8)
        pages_end = size - 8 - int.from_bytes(file.read(4), "little")
        file.seek(len(_MAGIC))
        left = pages_end - len(_MAGIC)
        while left and (block := file.read(min(left, 1 << 20))):
            hashed.update(block)
            left -= len(block)
    return hashed.hexdigest()[:32]


def _fill(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        batch.column(field.name)
        if field.name in batch.schema.names
        else pa.nulls(len(batch), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
