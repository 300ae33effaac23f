"""Writing SQL for DuckDB: texts, paths and types as it wants them."""

from __future__ import annotations

import pyarrow as pa

_TYPES = {
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
}


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of the type of a column.

    >>> sql_type(pa.list_(pa.struct([("start", pa.int32())])))
    'STRUCT("start" INTEGER)[]'
    """
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = [f'"{field.name}" {sql_type(field.type)}' for field in kind]
        return f"STRUCT({', '.join(fields)})"
    return _TYPES[kind]


def quoted(text: str) -> str:
    """A text as a literal.

    >>> print(quoted("Alzheimer's disease"))
    'Alzheimer''s disease'
    """
    return "'" + text.replace("'", "''") + "'"


def without_glob(path: str) -> str:
    """Say that a path is meant as it stands: DuckDB takes *, ? and [ for patterns.

    >>> without_glob("/data/[old]/lake")
    '/data/[[]old]/lake'
    """
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)
