"""The cache: what a machine has fetched from a bucket, below one folder and below one size.

`lake/` holds generations of tables, `models/<name>/<upload>/` folders of indices and models, `raw/`
downloaded files. None of it is the only copy: the folder may be deleted while nothing runs.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kazu_platform.storage.atomic import LOCK, TEMPORARY, make_folder, temporary_beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

GRACE_SECONDS: Final = 3600
"""What was used so recently is kept, whatever the limit: somebody may be about to open it."""
_AGAIN_SECONDS: Final = 60
_BESIDE = (LOCK, TEMPORARY, ".part", ".json")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is fetched and forgotten together."""

    used_at: float
    n_bytes: int
    path: Path


@dataclass(frozen=True)
class Cache:
    """A folder of this machine; it pickles, and means the same path on another machine.

    Attributes:
        root: the folder; it is made when something is fetched.
        limit_bytes: what was not used for longest goes first; 0: nothing goes.
    """

    root: Path
    limit_bytes: int = 0

    @staticmethod
    def use(path: Path) -> None:
        """Record that a file was used now; the time it was changed stays."""
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def tidy(self) -> None:
        """Trim it, unless somebody did so a moment ago: looking through it takes a while."""
        stamp = self.root / ".trimmed"
        if not self.limit_bytes:
            return
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > _AGAIN_SECONDS:
            make_folder(self.root)
            stamp.touch()
            self.trim()

    def trim(self) -> int:
        """Bring the folder below its limit; how many bytes went."""
        if not self.limit_bytes:
            return 0
        kept = sorted(self._kept(), key=lambda each: each.used_at)
        too_much = sum(each.n_bytes for each in kept) - self.limit_bytes
        young, gone = time.time() - GRACE_SECONDS, 0
        for each in kept:
            if gone >= too_much or each.used_at > young:
                break
            _remove(each.path)
            gone += each.n_bytes
        return gone

    def _kept(self) -> Iterator[_Kept]:
        for area in ("lake", "raw"):
            for path in (self.root / area).rglob("*"):
                if not path.name.startswith(".") and not path.name.endswith(_BESIDE):
                    yield from _measured([path], path)
        for folder in (self.root / "models").glob("[!.]*/[!.]*"):
            if folder.is_dir():
                yield from _measured(folder.rglob("*"), folder)


def _remove(path: Path) -> None:
    """A folder goes by one rename, so that nobody finds half of it."""
    if path.is_dir():
        gone = temporary_beside(path)
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _measured(files: Iterable[Path], whole: Path) -> Iterator[_Kept]:
    """Size of some files and when the last of them was used; nothing if they are gone by now."""
    try:
        found = [path.stat() for path in files if path.is_file()]
    except FileNotFoundError:
        return
    if found:
        used_at = max(each.st_atime for each in found)
        yield _Kept(used_at, sum(each.st_size for each in found), whole)
