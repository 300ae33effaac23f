"""Where bytes live: the seam between the lake and a folder, or a bucket (`bucket.py`).

A store knows keys and bytes, not tables. It promises two things: a key that was put whole is
read whole, and a small object is replaced only if it still is what its writer had read.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from kazu_platform.errors import LakeError, LostRaceError
from kazu_platform.storage.atomic import (
    LOCK,
    locked,
    make_folder,
    move_atomically,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STAGING = ".staging"


@dataclass(frozen=True, slots=True)
class Blob:
    """A small object and the tag that names this very content."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as a listing shows it."""

    key: str
    n_bytes: int
    modified_at: datetime


class Wanted(NamedTuple):
    """An object that never changes, and how to tell that all of it came."""

    key: str
    n_bytes: int
    is_whole: Callable[[Path], bool]


class Store(Protocol):
    """Keys are relative paths with `/`; none begins with a dot but those for staging."""

    def read(self, key: str) -> Blob | None:
        """The object, or nothing."""
        ...

    def read_all(self, keys: Sequence[str]) -> list[Blob | None]:
        """Several of them, as each is when its turn comes."""
        ...

    def here(self, wanted: Sequence[Wanted]) -> list[str]:
        """Paths on this machine where objects can be read; what is elsewhere is fetched."""
        ...

    @property
    def is_elsewhere(self) -> bool:
        """Whether files must be fetched before they can be read."""
        ...

    def replace(self, key: str, body: bytes, *, expected: str | None) -> None:
        """Write a small object if it still has the expected tag (None: if it is not there).

        Raises:
            LostRaceError: it is something else by now.
        """
        ...

    def remove(self, key: str, *, expected: str) -> None:
        """Remove a small object if it still has the expected tag.

        Raises:
            LostRaceError: it is something else by now.
        """
        ...

    def scratch(self) -> Path:
        """A new local path for a file that will be put."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """Move a finished scratch file under a key, whole and with its age reset."""
        ...

    def touch(self, key: str) -> None:
        """Reset an object's age, if it is there."""
        ...

    def n_bytes(self, key: str) -> int | None:
        """Size of an object, or nothing."""
        ...

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Every object under a prefix, temporary ones too."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; it may be gone already."""
        ...

    def uri(self, key: str) -> str:
        """What it is called in messages and in the warehouse: a path or a URL."""
        ...


class LocalStore:
    """A folder of one machine, or one that machines share and that honours locks."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def read(self, key: str) -> Blob | None:
        """The object, or nothing."""
        try:
            body = self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Blob(body, sha256(body).hexdigest())

    def read_all(self, keys: Sequence[str]) -> list[Blob | None]:
        """Several of them, as each is when its turn comes."""
        return [self.read(key) for key in keys]

    def here(self, wanted: Sequence[Wanted]) -> list[str]:
        """Where they lie; whether they are whole, their readers see."""
        return [self.uri(each.key) for each in wanted]

    @property
    def is_elsewhere(self) -> bool:
        """They are here."""
        return False

    def replace(self, key: str, body: bytes, *, expected: str | None) -> None:
        """Write a small object if it still has the expected tag (None: if it is not there).

        Raises:
            LostRaceError: it is something else by now.
        """
        with locked(self._path(key)):
            self._must_be(key, expected)
            write_atomically(self._path(key), body)

    def remove(self, key: str, *, expected: str) -> None:
        """Remove a small object if it still has the expected tag.

        Raises:
            LostRaceError: it is something else by now.
        """
        with locked(self._path(key)):
            self._must_be(key, expected)
            self._path(key).unlink()

    def scratch(self) -> Path:
        """A new path on the same file system, so that putting it is a rename."""
        make_folder(self.root / STAGING)
        return self.root / STAGING / secrets.token_hex(12)

    def put_file(self, key: str, path: Path) -> None:
        """Move a finished scratch file under a key, whole and with its age reset.

        Raises:
            LakeError: the scratch file is gone.
        """
        try:
            os.utime(path)
            move_atomically(path, self._path(key))
        except FileNotFoundError:
            raise LakeError(
                f"{path} is gone before it was published; garbage collection must be given an age "
                "longer than the longest run."
            ) from None

    def touch(self, key: str) -> None:
        """Reset an object's age, if it is there."""
        with suppress(FileNotFoundError):
            os.utime(self._path(key))

    def n_bytes(self, key: str) -> int | None:
        """Size of an object, or nothing."""
        try:
            return self._path(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Every object under a folder, temporary ones too; locks are no objects."""
        return self._walk(self._path(prefix) if prefix else self.root, prefix)

    def delete(self, key: str) -> None:
        """Delete an object; it may be gone already."""
        self._path(key).unlink(missing_ok=True)

    def uri(self, key: str) -> str:
        """Its path."""
        return str(self._path(key))

    def _walk(self, folder: Path, prefix: str) -> Iterator[Entry]:
        try:
            listing = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for item in listing:
            key = f"{prefix}/{item.name}" if prefix else item.name
            if item.is_dir(follow_symlinks=False):
                yield from self._walk(folder / item.name, key)
            elif not item.name.endswith(LOCK):
                try:
                    found = item.stat()
                except FileNotFoundError:
                    continue  # moved or collected since it was listed
                yield Entry(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def _must_be(self, key: str, expected: str | None) -> None:
        found = self.read(key)
        if (found.etag if found else None) != expected:
            raise LostRaceError(f"{self.uri(key)}: another writer was faster; compute again.")

    def _path(self, key: str) -> Path:
        if not key or ".." in key.split("/") or Path(key).is_absolute() or "\0" in key:
            raise LakeError(f"{key!r} is no key of a store: it must be a plain relative path.")
        return self.root / key
