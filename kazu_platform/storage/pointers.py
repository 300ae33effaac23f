"""Pointers: the small JSON files that say which generation of a partition is live.

A pointer names a file by its generation only; where the lake stands is not in it, so that a lake
can be copied or moved.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kazu_platform.errors import LakeError
from kazu_platform.storage.parquet import data_version
from kazu_platform.storage.store import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

POINTER = "live.json"
PARQUET = ".parquet"
FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_TAKEN = (".json", ".parquet", ".lock", ".tmp")
_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Pointer:
    """The live generation of a partition. `inputs` says what it was made from."""

    table: str
    partition: str
    generation: str
    path: str
    n_rows: int
    n_bytes: int
    data_version: str
    schema_version: str
    inputs: Mapping[str, str]
    written_at: datetime

    def to_json(self) -> bytes:
        """The pointer's file."""
        body = {
            "format": FORMAT,
            "table": self.table,
            "partition": self.partition,
            "generation": self.generation,
            "n_rows": self.n_rows,
            "n_bytes": self.n_bytes,
            "data_version": self.data_version,
            "schema_version": self.schema_version,
            "inputs": dict(sorted(self.inputs.items())),
            "written_at": self.written_at.isoformat(),
        }
        return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()


def file_key(pointer: Pointer) -> str:
    """Key of the file that a pointer names."""
    return f"{pointer.table}/{pointer.partition}/{pointer.generation}{PARQUET}"


def wanted_file(key: str, n_bytes: int, schema_version: str, version: str) -> Wanted:
    """A generation to be fetched, which is whole if its rows have the hash that they should."""
    return Wanted(key, n_bytes, lambda path: data_version(path, schema_version) == version)


def parse_pointer(body: bytes, *, uri: str, folder_uri: str) -> Pointer:
    """Read a pointer's file.

    Raises:
        LakeError: it is damaged, or of a later version of the platform.
    """
    try:
        found = json.loads(body)
        if found["format"] != FORMAT:
            raise LakeError(
                f"{uri} has format {found['format']}, this version reads {FORMAT}; use the version "
                "of the platform that wrote it."
            )
        generation = _plain(found["generation"])
        return Pointer(
            table=str(found["table"]),
            partition=str(found["partition"]),
            generation=generation,
            path=f"{folder_uri}/{generation}{PARQUET}",
            n_rows=int(found["n_rows"]),
            n_bytes=int(found["n_bytes"]),
            data_version=str(found["data_version"]),
            schema_version=str(found["schema_version"]),
            inputs={str(key): str(value) for key, value in found["inputs"].items()},
            written_at=datetime.fromisoformat(found["written_at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{uri} is no pointer ({error!r}); delete it and materialise the partition again."
        ) from error


def new_generation(now: datetime) -> str:
    """A name never used before, that sorts by time for a person who looks."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"


def check_partition(partition: str) -> str:
    """Return a partition's name if it may become a folder's.

    >>> check_partition("dictionary/pubmed26n0001")
    'dictionary/pubmed26n0001'

    Raises:
        LakeError: it could lead out of the lake, or be taken for one of its files.
    """
    parts = partition.split("/")
    if len(parts) > _DEEPEST or not all(_is_name(part) for part in parts):
        raise LakeError(
            f"{partition!r} cannot name a partition: it must be one or two parts joined by '/', "
            "each of ASCII letters, digits and . _ + -, beginning with a letter or digit, and not "
            f"ending in {', '.join(_TAKEN)}."
        )
    return partition


def natural_order(name: str) -> tuple[tuple[str, int], ...]:
    """Sort key that counts: pubmed26n9 before pubmed26n10.

    >>> sorted(["pubmed26n10", "pubmed26n9"], key=natural_order)
    ['pubmed26n9', 'pubmed26n10']
    """
    pieces = re.findall(r"([^0-9]*)([0-9]*)", name)
    return tuple((text, int(number) if number else -1) for text, number in pieces)


def _is_name(part: str) -> bool:
    return bool(_NAME.fullmatch(part)) and not part.endswith(_TAKEN)


def _plain(generation: object) -> str:
    if not isinstance(generation, str) or not _NAME.fullmatch(generation):
        raise ValueError(f"generation {generation!r}")
    return generation
