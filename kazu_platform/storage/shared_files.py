"""Single files in a bucket that are replaced as a whole, and the copies of them on this machine.

Each upload has a name of its own; `<name>.live.json` says which one counts, and is replaced on the
condition that it is what its writer had read. Beside a copy here lies `.<name>.copy.json`, which
says what it is a copy of.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from hashlib import file_digest
from typing import TYPE_CHECKING, Any, Final, NoReturn

from kazu_platform.errors import LostRaceError, StorageError
from kazu_platform.storage.atomic import (
    locked,
    move_atomically,
    temporary_beside,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kazu_platform.storage.bucket import BucketStore

_FORMAT: Final = 1
_POINTER: Final = ".live.json"
_TRIES: Final = 3


@dataclass(frozen=True)
class Upload:
    """An upload that counts. `facts` is what its writer says of it."""

    key: str
    n_bytes: int
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    etag: str = ""


@dataclass(frozen=True)
class SharedFiles:
    """Files below a prefix of a bucket."""

    store: BucketStore

    def live(self, name: str) -> Upload | None:
        """The upload of a name that counts, or nothing.

        Raises:
            StorageError: its pointer is damaged.
        """
        key = f"{name}{_POINTER}"
        blob = self.store.read(key)
        if blob is None:
            return None
        try:
            found = json.loads(blob.body)
            return Upload(
                key=str(found["key"]),
                n_bytes=int(found["n_bytes"]),
                sha256=str(found["sha256"]),
                facts=dict(found["facts"]),
                etag=blob.etag if found["format"] == _FORMAT else _other_format(found["format"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(
                f"{self.store.uri(key)} is no pointer ({error!r}); delete it and make the file "
                "again."
            ) from error

    def publish(
        self, name: str, path: Path, *, replacing: Upload | None, facts: Mapping[str, Any]
    ) -> None:
        """Upload a file and have it count.

        Args:
            name: what it replaces.
            path: the file.
            replacing: what counted when the file was begun.
            facts: said of it to whoever fetches it.

        Raises:
            LostRaceError: something else counts by now.
        """
        with path.open("rb") as file:
            hashed = file_digest(file, "sha256").hexdigest()
        upload = Upload(f"{name}@{secrets.token_hex(8)}", path.stat().st_size, hashed, facts)
        self.store.upload(upload.key, path)
        body = {"format": _FORMAT} | {k: v for k, v in asdict(upload).items() if k != "etag"}
        try:
            self.store.replace(
                f"{name}{_POINTER}",
                (json.dumps(body, indent=1) + "\n").encode(),
                expected=replacing.etag if replacing else None,
            )
        except LostRaceError:
            self.store.delete(upload.key)
            raise
        self._say(path, upload)
        if replacing is not None:  # whoever is fetching it is told, and fetches the new one
            self.store.delete(replacing.key)

    def fetch(self, name: str, path: Path) -> Upload | None:
        """Have a copy of what counts at a path, whole; nothing if nothing counts.

        Raises:
            StorageError: what came is not what was uploaded.
        """
        for _ in range(_TRIES):
            upload = self.live(name)
            if upload is None:
                return None
            if self._is_copy(path, upload) or self._copied(path, upload):
                return upload
        raise StorageError(f"{self.store.uri(name)}: it changes faster than it can be fetched.")

    def _copied(self, path: Path, upload: Upload) -> bool:
        """Fetch an upload; false if it was replaced meanwhile."""
        with locked(path.with_name(f".{path.name}.fetch")):
            if self._is_copy(path, upload):
                return True
            temporary = temporary_beside(path)
            try:
                self.store.download(upload.key, temporary)
                with temporary.open("rb") as file:
                    hashed = file_digest(file, "sha256").hexdigest()
                if hashed != upload.sha256:
                    raise StorageError(
                        f"{self.store.uri(upload.key)}: what came is not what was uploaded "
                        f"({hashed} for {upload.sha256}); try again."
                    )
                move_atomically(temporary, path)
            except FileNotFoundError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
            self._say(path, upload)
            return True

    def _say(self, path: Path, upload: Upload) -> None:
        is_now = path.stat()
        copy = {"of": self.store.uri(upload.key), "mtime_ns": is_now.st_mtime_ns}
        write_atomically(_beside(path), json.dumps(copy | {"n_bytes": is_now.st_size}).encode())

    def _is_copy(self, path: Path, upload: Upload) -> bool:
        """Whether a file is that upload, as far as size and time tell."""
        try:
            copy, is_now = json.loads(_beside(path).read_bytes()), path.stat()
        except (OSError, ValueError):
            return False
        return copy == {
            "of": self.store.uri(upload.key),
            "mtime_ns": is_now.st_mtime_ns,
            "n_bytes": is_now.st_size,
        }


def _other_format(number: object) -> NoReturn:
    raise ValueError(f"format {number}, this version reads {_FORMAT}")


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.copy.json")
