"""What an asset tells Dagster about the table it wrote: counts, columns, a preview, versions.

The data version of a partition is the hash of its rows, so a partition that comes out the same
stops the chain behind it. `inputs` are recorded with each generation: where they are what they
were, there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import dagster as dg
import pyarrow as pa

from kazu_platform.errors import (
    KazuPlatformError,
    LostClusterError,
    LostRaceError,
    NoWorkerError,
    StorageUnreachableError,
    UnreachableError,
)
from kazu_platform.storage.lake import Lake, Pointer
from kazu_platform.tables import Table

P = ParamSpec("P")
Event = TypeVar("Event")

PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 120

RETRY = dg.RetryPolicy(
    max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
OWNERS = ["team:literature"]


TRANSIENT = (
    UnreachableError,
    StorageUnreachableError,
    LostRaceError,
    LostClusterError,
    NoWorkerError,
    OSError,
    TimeoutError,
)


@contextmanager
def bad_data_is_final() -> Generator[None]:
    """Fail at once where a retry cannot help: wrong data, wrong configuration, a bug."""
    try:
        yield
    except (*TRANSIENT, dg.Failure):
        raise
    except Exception as error:
        what = str(error) if isinstance(error, KazuPlatformError) else repr(error)
        raise dg.Failure(what, allow_retries=False) from error


def final_errors(body: Callable[P, Iterator[Event]]) -> Callable[P, Iterator[Event]]:
    """Decorate an asset that yields events: bad data anywhere in its body fails at once."""

    @wraps(body)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Iterator[Event]:
        with bad_data_is_final():
            yield from body(*args, **kwargs)

    return guarded


def column_schema(table: Table) -> dg.TableSchema:
    """A table's columns and their meaning, for the UI."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                field.name,
                str(field.type),
                (field.metadata or {}).get(b"description", b"").decode(),
                constraints=dg.TableColumnConstraints(
                    nullable=field.nullable, unique=table.key == (field.name,)
                ),
            )
            for field in table.schema
        ]
    )


def definition_metadata(table: Table) -> dict[str, Any]:
    """What is known of a table before any row of it exists."""
    return {
        "dagster/column_schema": column_schema(table),
        "row": table.row,
        "key": ", ".join(table.key),
        "partitioned_by": table.partitioned_by,
    }


def result(  # noqa: PLR0913 - each is an independent fact of one materialisation
    lake: Lake,
    table: Table,
    live: Pointer,
    *,
    partition: str,
    metadata: Mapping[str, Any] | None = None,
    skipped: bool = False,
) -> dg.MaterializeResult:
    """One partition of one table, as Dagster shows it."""
    facts: dict[str, Any] = {
        "dagster/row_count": live.n_rows,
        "size": dg.MetadataValue.text(f"{live.n_bytes:,} bytes"),
        "generation": live.generation,
        "unchanged": skipped,
        "preview": dg.MetadataValue.md(preview(lake, table, partition)),
    }
    return dg.MaterializeResult(
        asset_key=table.name,
        metadata=facts | dict(metadata or {}),
        data_version=dg.DataVersion(live.data_version),
    )


def preview(lake: Lake, table: Table, partition: str) -> str:
    """The first rows of a partition as a Markdown table."""
    for batch in lake.read_batches(table, partition):
        return markdown(pa.Table.from_batches([batch]).slice(0, PREVIEW_ROWS))
    return "no rows"


def markdown(rows: pa.Table, *, characters: int = PREVIEW_CHARACTERS) -> str:
    """Rows as a Markdown table; cells longer than so many characters are cut."""
    lines = [f"| {' | '.join(rows.column_names)} |", f"|{' --- |' * rows.num_columns}"]
    lines += [
        f"| {' | '.join(_cell(row[n], characters) for n in rows.column_names)} |"
        for row in rows.to_pylist()
    ]
    return "\n".join(lines)


def _cell(value: Any, characters: int) -> str:  # noqa: ANN401 - a cell holds anything
    text = "" if value is None else str(value)
    text = text if len(text) <= characters else f"{text[:characters]}…"
    return text.replace("|", "\\|").replace("\n", " ")
