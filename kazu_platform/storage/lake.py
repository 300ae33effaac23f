"""The lake: every table as immutable Parquet generations behind small pointer files.

`<table>/<partition>/<generation>.parquet` is written once and never changed; the pointer
`<table>/<partition>/live.json` is replaced last. A writer that is killed before that leaves a
file nobody points to, and a reader goes on with the files it has begun to read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from kazu_platform.documents import digest
from kazu_platform.errors import (
    ConfigurationError,
    LostRaceError,
    MissingPartitionError,
)
from kazu_platform.storage.garbage import Collected, collect
from kazu_platform.storage.parquet import (
    Rows,
    Summary,
    check_unique,
    fingerprint,
    missing_columns,
    read_batches,
    read_schema,
    select,
    write_parquet,
)
from kazu_platform.storage.pointers import (
    PARQUET,
    POINTER,
    Pointer,
    check_partition,
    file_key,
    natural_order,
    new_generation,
    parse_pointer,
    wanted_file,
)
from kazu_platform.storage.staging import ANY, Expected, Staged, Written
from kazu_platform.storage.store import LocalStore, Store, Wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import timedelta

    import polars as pl

    from kazu_platform.tables import Table


NO_INPUTS: Final[Mapping[str, str]] = MappingProxyType({})


class Lake:
    """Every table of the platform, in one folder or below one prefix of a bucket.

    Args:
        root: the folder; it is made when something is written. Where the lake is in a bucket, the
            folder of this machine that its files are fetched to.
        store: where bytes live, if not in that folder (`places.open_lake`).

    Raises:
        ConfigurationError: the root is a URL, which says nothing of how its storage is reached.
    """

    def __init__(self, root: Path | str, store: Store | None = None) -> None:
        if re.match(r"[A-Za-z][A-Za-z0-9+.]+:/", str(root)) and store is None:
            raise ConfigurationError(
                f"{root}: the lake must be a local folder, such as .kazu/lake; for one on S3 set "
                "KAZU_STORAGE_URL."
            )
        self.root = Path(root).absolute()
        self.store: Store = store or LocalStore(self.root)

    @property
    def url(self) -> str:
        """Where it is: its folder, or a URL."""
        return self.store.uri(POINTER).removesuffix(f"/{POINTER}")

    def write(  # noqa: PLR0913 - six plain facts about one write
        self,
        table: Table,
        rows: Rows,
        *,
        partition: str,
        inputs: Mapping[str, str] = NO_INPUTS,
        expected: Expected = ANY,
        unique: bool = False,
    ) -> Written:
        """Replace the rows of one partition; readers see them all at once or not at all.

        Rows may be a table (sorted into the table's order), or batches of any size (written as
        they come, in bounded memory). Equal rows are not written again.

        Args:
            table: what the rows are.
            rows: a table, a batch, or an iterable of them.
            partition: where they belong.
            inputs: versions of what they were made from, recorded in the pointer.
            expected: the generation that the rows were computed against; None: there was none.
            unique: refuse rows that share a key.

        Raises:
            SchemaError: rows do not fit the table, or share a key. Nothing was written.
            LostRaceError: the partition is no longer as expected. Nothing was written.
        """
        with self.stage(
            table, rows, partition=partition, inputs=inputs, expected=expected, unique=unique
        ) as staged:
            return staged.publish()

    def stage(  # noqa: PLR0913 - the same
        self,
        table: Table,
        rows: Rows,
        *,
        partition: str,
        inputs: Mapping[str, str] = NO_INPUTS,
        expected: Expected = ANY,
        unique: bool = False,
    ) -> Staged:
        """Write rows where nobody sees them, so that they can be judged before they are live.

        Arguments and errors are those of `write`.
        """
        check_partition(partition)
        path = self.store.scratch()
        try:
            summary = write_parquet(table, rows, path)
            if unique:
                check_unique(table, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Staged(table, partition, path, summary, dict(inputs), expected, self._publish)

    def live(self, table: Table, partition: str) -> Pointer | None:
        """What is live in a partition, or nothing.

        Raises:
            LakeError: the pointer is damaged.
        """
        key = _pointer_key(table, partition)
        blob = self.store.read(key)
        return None if blob is None else self._parse(key, blob.body)

    def pointer(self, table: Table, partition: str) -> Pointer:
        """What is live in a partition.

        Raises:
            MissingPartitionError: nothing; says what to materialise.
            LakeError: the pointer is damaged.
        """
        found = self.live(table, partition)
        if found is None:
            raise MissingPartitionError(
                f"{table.name} has no partition {partition!r} in {self.url}; materialise "
                f"{table.name} for it, or everything: kazu-platform demo"
            )
        return found

    def pointers(self, table: Table) -> dict[str, Pointer]:
        """Every live partition of a table, in natural order."""
        found: dict[str, Pointer] = {}
        keys = [entry.key for entry in self.store.entries(table.name)]
        keys = [key for key in keys if key.rpartition("/")[2] == POINTER]
        for key, blob in zip(keys, self.store.read_all(keys), strict=True):
            if blob is not None:
                pointer = self._parse(key, blob.body)
                found[pointer.partition] = pointer
        return {name: found[name] for name in sorted(found, key=natural_order)}

    def partitions(self, table: Table) -> list[str]:
        """Names of the live partitions of a table, in natural order."""
        return list(self.pointers(table))

    def files(self, table: Table, partitions: str | Sequence[str] | None = None) -> list[str]:
        """Parquet files of the live generations, for a reader of your own.

        Raises:
            MissingPartitionError: a partition that was named was never written.
        """
        return self.here(self._chosen(table, partitions))

    def version(self, table: Table, partitions: str | Sequence[str] | None = None) -> str:
        """Hash of the live rows: what a derived partition records as its input.

        Raises:
            MissingPartitionError: a partition that was named was never written.
        """
        chosen = sorted(self._chosen(table, partitions), key=lambda pointer: pointer.partition)
        return digest(*(f"{each.partition}\t{each.data_version}" for each in chosen))

    def read(
        self,
        table: Table,
        partition: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows of one partition, of several, or of all that are live.

        Raises:
            MissingPartitionError: a partition that was named was never written.
            OldSchemaError: it was written by another version and cannot be migrated.
            LakeError: a file is damaged.
        """
        batches = list(self.read_batches(table, partition, columns))
        return pa.Table.from_batches(batches, schema=select(table, columns))

    def read_batches(
        self,
        table: Table,
        partition: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The same rows in batches, in the memory of one of them. Errors are those of `read`."""
        for pointer in self._chosen(table, partition):
            (path,) = self.here([pointer])
            yield from read_batches(table, path, columns, partition=pointer.partition)

    def read_generation(
        self,
        table: Table,
        partition: str,
        generation: str,
        columns: Sequence[str] | None = None,
    ) -> pa.Table | None:
        """Rows of a generation that was live once; nothing if it was collected since.

        Raises:
            OldSchemaError: it was written by another version and cannot be migrated.
            LakeError: the file is damaged.
        """
        key = f"{table.name}/{check_partition(partition)}/{generation}{PARQUET}"
        n_bytes = self.store.n_bytes(key)
        if n_bytes is None:
            return None
        (path,) = self.store.here([Wanted(key, n_bytes, lambda _: True)])
        batches = list(read_batches(table, path, columns, partition=partition))
        return pa.Table.from_batches(batches, schema=select(table, columns))

    def scan(
        self,
        table: Table,
        partition: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """The same rows as a polars query that reads only what it needs."""
        import polars as pl

        wanted = select(table, columns)
        chosen = self._chosen(table, partition)
        for pointer in chosen:
            self.absent_columns(table, pointer)
        empty = pl.DataFrame(table.empty())
        if not chosen:
            return empty.lazy().select(wanted.names)
        frame = pl.scan_parquet(
            self.here(chosen),
            schema=empty.schema,
            missing_columns="insert",
            glob=False,
            hive_partitioning=False,
        )
        return frame.select(wanted.names)

    def absent_columns(self, table: Table, pointer: Pointer) -> frozenset[str]:
        """Columns that a generation of an older schema lacks and readers see as null.

        Raises:
            OldSchemaError: it differs in any other way.
            LakeError: the file is damaged.
        """
        if pointer.schema_version == fingerprint(table.schema):
            return frozenset()
        (path,) = self.here([pointer])
        return missing_columns(table, read_schema(path), partition=pointer.partition)

    def here(self, pointers: Sequence[Pointer]) -> list[str]:
        """Paths on this machine of the files that pointers name; what is elsewhere is fetched.

        Raises:
            LakeError: one is gone, or not what its pointer says.
        """
        return self.store.here(
            [
                wanted_file(file_key(each), each.n_bytes, each.schema_version, each.data_version)
                for each in pointers
            ]
        )

    def confirm(self, table: Table, live: Pointer, inputs: Mapping[str, str]) -> Pointer:
        """Record that live rows are what other inputs give as well; nothing else is written.

        Raises:
            LostRaceError: other rows are live by now.
        """
        key = _pointer_key(table, live.partition)
        blob = self.store.read(key)
        if blob is None or self._parse(key, blob.body).generation != live.generation:
            raise LostRaceError(
                f"{table.name} {live.partition}: generation {live.generation} is no longer live; "
                "another writer was faster, compute again. Nothing was written."
            )
        after = replace(live, inputs=dict(inputs), written_at=datetime.now(UTC))
        self.store.replace(key, after.to_json(), expected=blob.etag)
        return after

    def drop(self, table: Table, partition: str) -> None:
        """Make a partition as if it had never been written; its files wait for collection."""
        key = _pointer_key(table, partition)
        while (blob := self.store.read(key)) is not None:
            self.store.touch(file_key(self._parse(key, blob.body)))
            try:
                self.store.remove(key, expected=blob.etag)
            except LostRaceError:
                continue

    def touch(self, files: Collection[str]) -> None:
        """Begin the age of files anew, as `collect_garbage` counts it; skip lost ones."""
        for file in files:
            if file.startswith(f"{self.url}/"):
                self.store.touch(file.removeprefix(f"{self.url}/"))

    def collect_garbage(self, *, older_than: timedelta, keep: Collection[str] = ()) -> Collected:
        """Remove generations and temporary files that nothing has pointed to for some time.

        Args:
            older_than: longer than the longest run and the longest query.
            keep: files that the live warehouse names.
        """
        return collect(self.store, older_than=older_than, keep=keep)

    def _chosen(self, table: Table, partitions: str | Sequence[str] | None) -> list[Pointer]:
        if partitions is None:
            return list(self.pointers(table).values())
        names = [partitions] if isinstance(partitions, str) else partitions
        return [self.pointer(table, name) for name in names]

    def _parse(self, key: str, body: bytes) -> Pointer:
        folder = key.rpartition("/")[0]
        return parse_pointer(body, uri=self.store.uri(key), folder_uri=self.store.uri(folder))

    def _publish(self, staged: Staged) -> Written:
        """Move the pointer, last of all."""
        key = _pointer_key(staged.table, staged.partition)
        moved: Pointer | None = None
        while True:
            blob = self.store.read(key)
            before = None if blob is None else self._parse(key, blob.body)
            if not isinstance(staged.expected, type(ANY)) and staged.expected != (
                before.generation if before else None
            ):
                raise LostRaceError(
                    f"{staged.table.name} {staged.partition}: expected generation "
                    f"{staged.expected}, found {before.generation if before else None}; another "
                    "writer was faster, compute again. Nothing was written."
                )
            same_rows = before is not None and self._holds(before, staged.summary)
            if before is not None and same_rows:
                if before.inputs == staged.inputs:
                    return Written(before, unchanged=True, same_rows=True)
                after = self._pointer(staged, before.generation)
            else:
                moved = moved or self._place(staged)
                after = moved
                if before is not None:  # readers may just have begun with it
                    self.store.touch(file_key(before))
            try:
                self.store.replace(key, after.to_json(), expected=blob.etag if blob else None)
            except LostRaceError:
                continue
            return Written(after, unchanged=False, same_rows=same_rows)

    def _place(self, staged: Staged) -> Pointer:
        pointer = self._pointer(staged, new_generation(datetime.now(UTC)))
        self.store.put_file(file_key(pointer), staged.path)
        return pointer

    def _pointer(self, staged: Staged, generation: str) -> Pointer:
        folder = f"{staged.table.name}/{staged.partition}"
        return Pointer(
            table=staged.table.name,
            partition=staged.partition,
            generation=generation,
            path=self.store.uri(f"{folder}/{generation}{PARQUET}"),
            n_rows=staged.summary.n_rows,
            n_bytes=staged.summary.n_bytes,
            data_version=staged.summary.data_version,
            schema_version=fingerprint(staged.table.schema),
            inputs=staged.inputs,
            written_at=datetime.now(UTC),
        )

    def is_whole(self, table: Table, pointer: Pointer) -> bool:
        """Whether what a pointer names is there in full and of today's schema.

        If not, the partition is to be made again even where its inputs are what they were.
        """
        same_schema = pointer.schema_version == fingerprint(table.schema)
        return same_schema and self.store.n_bytes(file_key(pointer)) == pointer.n_bytes

    def _holds(self, pointer: Pointer, summary: Summary) -> bool:
        """Whether the live file is there and has these rows; a lost file is written again."""
        there = self.store.n_bytes(file_key(pointer)) == pointer.n_bytes
        return there and pointer.data_version == summary.data_version


def _pointer_key(table: Table, partition: str) -> str:
    return f"{table.name}/{check_partition(partition)}/{POINTER}"
