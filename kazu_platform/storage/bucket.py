"""The store of a bucket: the promises of `store.py`, kept by conditional writes.

A small object is replaced by a PUT with If-Match or If-None-Match, so that of two writers who read
the same one wins. Removing one is writing an empty one in its place: S3 has no conditional DELETE
that every store knows. What never changes is fetched once to a folder of this machine and read
there. An object cannot be given another age; a mark beside it (`<key>.touched`) has the new one.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from kazu_platform.errors import LakeError, LostRaceError
from kazu_platform.storage.atomic import locked, make_folder, move_atomically, temporary_beside
from kazu_platform.storage.s3 import connect, explained, no_conditions
from kazu_platform.storage.store import STAGING, Blob, Entry, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Any, TypeVar

    from obstore.store import S3Store

    from kazu_platform.storage.cache import Cache
    from kazu_platform.storage.s3 import Place, S3Access

    T = TypeVar("T")
    R = TypeVar("R")

TOUCHED: Final = ".touched"
_CONDITIONS: Final = ".conditions"
"""Object that says that this storage was seen to honour conditions."""
_AT_ONCE: Final = 16
_CHUNK: Final = 8 << 20


@dataclass(frozen=True)
class BucketStore:
    """A prefix of a bucket, and the folder of this machine that its objects are fetched to.

    Attributes:
        place: bucket and prefix.
        access: how it is reached.
        folder: where what was fetched lies, by key.
        cache: what that folder is a part of.
    """

    place: Place
    access: S3Access
    folder: Path
    cache: Cache

    @property
    def _client(self) -> S3Store:
        return connect(self.place, self.access)

    def read(self, key: str) -> Blob | None:
        """The object, or nothing."""
        found = self._read(key)
        return found if found and found.body else None

    def read_all(self, keys: Sequence[str]) -> list[Blob | None]:
        """Several of them, as each is when its turn comes."""
        return at_once(self.read, keys)

    def replace(self, key: str, body: bytes, *, expected: str | None) -> None:
        """Write a small object if it still has the expected tag (None: if it is not there).

        Raises:
            LostRaceError: it is something else by now.
            StorageError: this storage would not notice.
        """
        self._must_honour_conditions()
        try:
            self._put(key, body, mode={"e_tag": expected} if expected else "create")
        except LostRaceError:
            found = self._read(key)
            if found is not None and found.body == body:
                return  # it was written, and only the answer was lost
            if found is None or found.body or expected:
                raise
            self._put(key, body, mode={"e_tag": found.etag})  # it was removed

    def remove(self, key: str, *, expected: str) -> None:
        """Remove a small object if it still has the expected tag.

        Raises:
            LostRaceError: it is something else by now.
        """
        self._must_honour_conditions()
        self._put(key, b"", mode={"e_tag": expected})

    def scratch(self) -> Path:
        """A new path beside what was fetched."""
        make_folder(self.folder / STAGING)
        return self.folder / STAGING / secrets.token_hex(12)

    def put_file(self, key: str, path: Path) -> None:
        """Upload a finished scratch file whole; this machine has fetched it already, so to say.

        Raises:
            LakeError: the scratch file is gone.
        """
        try:
            self.upload(key, path)
        except FileNotFoundError:
            raise LakeError(f"{path} is gone before it was published; write it again.") from None
        move_atomically(path, self._path(key))

    def upload(self, key: str, path: Path) -> None:
        """Copy a file to the bucket; it is there whole or not at all.

        Raises:
            FileNotFoundError: there is no such file.
        """
        import obstore

        if not path.is_file():
            raise FileNotFoundError(path)
        with explained(self.uri(key)):
            obstore.put(self._client, key, path, chunk_size=_CHUNK)

    def download(self, key: str, path: Path) -> None:
        """Copy an object to a new file.

        Raises:
            FileNotFoundError: there is no such object.
        """
        import obstore

        make_folder(path.parent)
        with explained(self.uri(key)), path.open("wb") as file:
            for chunk in obstore.get(self._client, key).stream(min_chunk_size=_CHUNK):
                file.write(chunk)

    def here(self, wanted: Sequence[Wanted]) -> list[str]:
        """Paths on this machine; what it does not have is fetched, once, and looked at.

        Raises:
            LakeError: an object is gone, or not what it should be.
        """
        missing = [each for each in wanted if not self._has(each)]
        if missing:
            at_once(self._fetch, missing)
            self.cache.tidy()
        return [str(self._path(each.key)) for each in wanted]

    @property
    def is_elsewhere(self) -> bool:
        """They are."""
        return True

    def touch(self, key: str) -> None:
        """Reset an object's age, if it is there."""
        if self.n_bytes(key) is not None:
            self._put(f"{key}{TOUCHED}", b"", mode="overwrite")

    def n_bytes(self, key: str) -> int | None:
        """Size of an object, or nothing."""
        import obstore

        try:
            with explained(self.uri(key)):
                return obstore.head(self._client, key)["size"]
        except FileNotFoundError:
            return None

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Every object under a prefix, with the age that it was last given."""
        import obstore

        with explained(self.uri(prefix)):
            found = {
                each["path"]: Entry(each["path"], each["size"], each["last_modified"])
                for chunk in obstore.list(self._client, prefix=prefix or None)
                for each in chunk
            }
        for key, entry in found.items():
            mark = found.get(f"{key}{TOUCHED}")
            if mark is not None and mark.modified_at > entry.modified_at:
                yield Entry(key, entry.n_bytes, mark.modified_at)
            elif not key.endswith(TOUCHED) and not key.startswith(_CONDITIONS):
                yield entry

    def delete(self, key: str) -> None:
        """Delete an object; it may be gone already."""
        self.delete_all([key])

    def delete_all(self, keys: Iterable[str]) -> None:
        """Delete objects with their marks, here and there."""
        import obstore

        for key in keys:
            with explained(self.uri(key)):
                obstore.delete(self._client, [key, f"{key}{TOUCHED}"])
            self._path(key).unlink(missing_ok=True)

    def uri(self, key: str) -> str:
        """Its URL."""
        return f"{self.place.url}/{key}"

    def _path(self, key: str) -> Path:
        if not key or ".." in key.split("/") or key.startswith("/") or "\0" in key:
            raise LakeError(f"{key!r} is no key of a store: it must be a plain relative path.")
        return self.folder / key

    def _read(self, key: str) -> Blob | None:
        """The object, an empty one too."""
        import obstore

        try:
            with explained(self.uri(key)):
                found = obstore.get(self._client, key)
                body, etag = bytes(found.bytes()), found.meta["e_tag"]
        except FileNotFoundError:
            return None
        if not etag:
            raise no_conditions(self.uri(key))
        return Blob(body, etag)

    def _put(self, key: str, body: bytes, *, mode: Any) -> None:  # noqa: ANN401 - obstore's modes
        import obstore

        with explained(self.uri(key)):
            obstore.put(self._client, key, body, mode=mode)

    def _has(self, wanted: Wanted) -> bool:
        path = self._path(wanted.key)
        try:
            if path.stat().st_size != wanted.n_bytes:
                return False
            self.cache.use(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _fetch(self, wanted: Wanted) -> None:
        path = self._path(wanted.key)
        with locked(path.parent / "fetch"):  # of several processes one fetches
            if self._has(wanted):
                return
            temporary = temporary_beside(path)
            try:
                self.download(wanted.key, temporary)
                n_bytes = temporary.stat().st_size
                if n_bytes != wanted.n_bytes or not wanted.is_whole(temporary):
                    raise LakeError(
                        f"{self.uri(wanted.key)} has {n_bytes} bytes and is not the file of "
                        f"{wanted.n_bytes} bytes that its pointer names; materialise the partition "
                        "again."
                    )
                move_atomically(temporary, path)
            except FileNotFoundError:
                raise LakeError(
                    f"{self.uri(wanted.key)} is named by a pointer and is not there; materialise "
                    "the partition again."
                ) from None
            finally:
                temporary.unlink(missing_ok=True)

    def _must_honour_conditions(self) -> None:
        """Try once for each place whether this storage keeps two writers apart.

        Raises:
            StorageError: it does not.
        """
        _tried(self)

    def try_conditions(self) -> None:
        """Write what a condition forbids, unless somebody has tried that here before.

        Raises:
            StorageError: it was written.
        """
        key = f"{_CONDITIONS}-{secrets.token_hex(8)}"
        if self._read(_CONDITIONS) is not None:
            return
        self._put(key, b"1", mode="create")
        try:
            for mode in ("create", {"e_tag": '"00000000000000000000000000000000"'}):
                try:
                    self._put(key, b"2", mode=mode)
                except LostRaceError:
                    continue
                raise no_conditions(self.place.url)
        finally:
            self.delete(key)
        self._put(_CONDITIONS, b"honoured\n", mode="overwrite")


@lru_cache(maxsize=32)
def _tried(store: BucketStore) -> None:
    """Ask once in a process; what raises is asked again."""
    store.try_conditions()


def at_once(function: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """Call a function for each value, for several at once, since most of the time is waiting."""
    if len(values) <= 1:
        return [function(value) for value in values]
    with ThreadPoolExecutor(min(_AT_ONCE, len(values))) as threads:
        return list(threads.map(function, values))
