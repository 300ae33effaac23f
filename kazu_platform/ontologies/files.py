"""Opening a vocabulary file: plain or gzipped, of bounded size.

Belongs here: bytes. Does not: what they mean. Compression is decided by the first two bytes, never
by the name, because mirrors and caches rename files.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from kazu_platform.errors import MalformedFileError, SourceError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

MAX_BYTES = 8 << 30
"""Decompressed size above which a file is refused; the whole NCBI Taxonomy in OWL has 2 GiB."""

MAX_LINE = 16 << 20
"""Longest line in bytes; what is longer is no text file of lines."""

_GZIP_MAGIC = b"\x1f\x8b"
_BUFFER = 1 << 20


@contextmanager
def open_source(path: Path, *, max_bytes: int = MAX_BYTES) -> Generator[BinaryIO]:
    """Open a file for reading, decompressed, and count what comes out.

    Yields:
        A stream whose reads raise `MalformedFileError` at a broken gzip stream and as soon as more
        than `max_bytes` have been decompressed, so a bomb costs no more than that.

    Raises:
        SourceError: the file cannot be opened.
        MalformedFileError: it is empty.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror}.") from None
    with raw:
        packed = raw.peek(2)[:2] == _GZIP_MAGIC
        inner = gzip.GzipFile(fileobj=raw, mode="rb") if packed else raw
        with io.BufferedReader(_Bounded(inner, path, max_bytes), _BUFFER) as stream:
            if not stream.peek(1):
                raise MalformedFileError.at(path, "the file is empty; download it again.")
            yield stream


def file_version(path: Path) -> str:
    """Version of a file that declares none: the beginning of its SHA-256, as it lies on disk."""
    with path.open("rb") as raw:
        return f"sha256:{hashlib.file_digest(raw, 'sha256').hexdigest()[:12]}"


def lines_of(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str | None]]:
    """Lines from 1, without their ends; None in place of a line that is not UTF-8.

    Raises:
        MalformedFileError: a line is longer than `MAX_LINE`.
    """
    for first, block in _blocks(stream, path):
        lines = block.removesuffix(b"\n")
        try:
            texts: Iterable[str | None] = lines.decode().split("\n")
        except UnicodeDecodeError:
            texts = map(_decoded, lines.split(b"\n"))
        for number, text in enumerate(texts, start=first):
            # A byte order mark is no part of the first line's tag.
            bare = text and text.removeprefix("\ufeff" if number == 1 else "")
            yield number, bare and bare.rstrip("\r\n")


def _blocks(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines, so many that a block costs little, with the number of the first one."""
    rest, number = b"", 1
    while piece := stream.read(_BUFFER):
        rest += piece
        # A piece is shorter than a line may be: only the line that began before it can be too long.
        if (rest.find(b"\n") + 1 or len(rest)) >= MAX_LINE:
            problem = f"is longer than {MAX_LINE >> 20} MiB; this is no text file of lines."
            raise MalformedFileError.at(path, problem, line=number)
        end = rest.rfind(b"\n") + 1
        if end:
            block, rest = rest[:end], rest[end:]
            yield number, block
            number += block.count(b"\n")
    if rest:
        yield number, rest


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


class _Bounded(io.RawIOBase):
    """Counts bytes on their way through, and says which file a broken gzip stream belongs to."""

    def __init__(
        self, inner: io.BufferedReader | gzip.GzipFile, path: Path, max_bytes: int
    ) -> None:
        self._inner = inner
        self._path = path
        self._max_bytes = max_bytes
        self._left = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        try:
            count = self._inner.readinto(buffer)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            problem = f"the gzip stream is broken ({error}); download it again."
            raise MalformedFileError.at(self._path, problem) from None
        self._left -= count
        if self._left < 0:
            problem = (
                f"holds more than {self._max_bytes:,} bytes when decompressed; raise the limit "
                "if that is right."
            )
            raise MalformedFileError.at(self._path, problem)
        return count
