"""Changing files so that nobody ever sees half of one: temporary file, fsync, rename, fsync.

A rename is atomic on a local file system, and the two fsyncs make it last through a power cut:
without the first the new name may point to an empty file, without the second the old name may
come back.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

TEMPORARY = ".tmp"
LOCK = ".lock"


def write_atomically(path: Path, body: bytes) -> None:
    """Replace a small file whole; it keeps its old content if this process dies."""
    make_folder(path.parent)
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(body)
        move_atomically(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def move_atomically(source: Path, target: Path) -> None:
    """Give a finished file its name, on disk and not only in memory."""
    make_folder(target.parent)
    sync(source)
    os.replace(source, target)  # noqa: PTH105 - the call whose guarantee this module is about
    sync(target.parent)


def temporary_beside(path: Path) -> Path:
    """Make up a name on the same file system that no reader looks at."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY}")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each entered on disk in its parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold a file's lock against other threads and processes; a killed holder lets go.

    The lock file stays: removing it would let two holders lock two different files.
    """
    make_folder(path.parent)
    descriptor = os.open(Path(f"{path}{LOCK}"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
