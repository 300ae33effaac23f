"""Bytes of a file that came from outside: gzip or not, never more than was allowed.

Belongs here: what can be wrong before the first byte of XML is looked at. Does not: XML.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, BinaryIO

from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 64 * 1024
MAX_BYTES = 4 * 1024**3


def chunks(path: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """The decompressed bytes of a file, at most 64 KiB at a time.

    The first two bytes say whether it is gzip, not the name; a name that promises gzip is held
    to it. Never more than a chunk is decompressed ahead, so a bomb costs no memory, and the sum
    is checked after each chunk, so it costs no time either.

    Raises:
        MalformedFileError: empty, truncated, damaged, not gzip although named `.gz`, or longer
            than `max_bytes` when decompressed.
        OSError: it cannot be read at all.
    """
    with path.open("rb") as raw:
        yield from decompressed(raw, path, max_bytes=max_bytes)


def decompressed(raw: BinaryIO, path: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """The decompressed bytes of an open file, as `chunks` gives them.

    Args:
        raw: the file at its beginning; it can go back there.
        path: what errors call it.
        max_bytes: most bytes it may have when decompressed.

    Raises:
        MalformedFileError: as for `chunks`.
    """
    magic = raw.read(len(GZIP_MAGIC))
    raw.seek(0)
    if not magic:
        raise MalformedFileError.at(path, "the file is empty; fetch it again.")
    zipped = magic == GZIP_MAGIC
    if not zipped and path.suffix == ".gz":
        raise MalformedFileError.at(path, "it is named .gz but is not gzip; fetch it again.")
    stream = gzip.GzipFile(fileobj=raw) if zipped else raw
    total = 0
    while True:
        try:
            block = stream.read(CHUNK_BYTES)
        except EOFError:
            problem = "the gzip data stops before its end; fetch it again."
            raise MalformedFileError.at(path, problem) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            problem = f"the gzip data is damaged ({error}); fetch it again."
            raise MalformedFileError.at(path, problem) from None
        if not block:
            break
        total += len(block)
        if total > max_bytes:
            raise MalformedFileError.at(
                path,
                f"it holds more than {max_bytes:,} bytes when decompressed; "
                "raise max_bytes if that is right.",
            )
        yield block
    if not total:
        raise MalformedFileError.at(path, "it holds nothing; fetch it again.")
