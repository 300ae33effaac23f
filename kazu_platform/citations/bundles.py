"""Articles in a file: one by itself, or many in a tar archive, gzipped or not.

Nothing is ever unpacked to a disk, so the path of a member is a name and no more. An archive is
read once, from its beginning to its end, and one article of it is in memory at a time.

Belongs here: what can be wrong with an archive. Does not: XML.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from kazu_platform.citations.archive import decompressed
from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

ARTICLE_ENDINGS = (".nxml", ".xml")
MAX_BUNDLE_BYTES = 256 * 1024**3
MAX_ARTICLE_BYTES = 32 * 1024**2
MAX_HEADER_BYTES = 256 * 1024
"""What may lie between the data of two members of an archive: names, times, blanks."""
MAX_GLOBAL_HEADERS = 64
_TAR_MAGIC = slice(257, 262)


class Bundled(NamedTuple):
    """An article as bytes, or what is wrong with it; its name is that of the member or the file."""

    name: str
    content: bytes
    problem: str | None = None


def bundled(
    path: Path,
    *,
    max_bytes: int = MAX_BUNDLE_BYTES,
    max_article_bytes: int = MAX_ARTICLE_BYTES,
) -> Iterator[Bundled]:
    """Every article of a file, in order.

    A tar archive is told by its content. Of its members those named `.nxml` or `.xml` are articles;
    pictures, links and folders are passed over.

    Args:
        path: an article or a tar archive, gzipped or not.
        max_bytes: most bytes that it may have when decompressed.
        max_article_bytes: a member that is longer has a problem; a file by itself is refused.

    Raises:
        MalformedFileError: names the file: whatever `archive.chunks` refuses, a damaged archive,
            one without an article. It may come after some articles.
        OSError: it cannot be read at all.
    """
    with path.open("rb") as raw:
        yield from bundled_in(raw, path, max_bytes=max_bytes, max_article_bytes=max_article_bytes)


def bundled_in(
    raw: BinaryIO,
    path: Path,
    *,
    max_bytes: int = MAX_BUNDLE_BYTES,
    max_article_bytes: int = MAX_ARTICLE_BYTES,
) -> Iterator[Bundled]:
    """As `bundled`, of an open file; `path` is what errors call it.

    Raises:
        MalformedFileError: as for `bundled`.
    """
    stream = _Bytes(decompressed(raw, path, max_bytes=max_bytes), path)
    if stream.peek(_TAR_MAGIC.stop)[_TAR_MAGIC] == b"ustar":
        yield from _members(stream, path, max_article_bytes)
        return
    content = stream.read_all(max_article_bytes)
    if len(content) > max_article_bytes:
        problem = f"it is longer than {max_article_bytes:,} bytes, which no article is."
        raise MalformedFileError.at(path, problem)
    yield Bundled(_shown(path.name), content)


def stem(name: str) -> str:
    """The name of an article without its folders and endings.

    >>> stem("PMC000xxxxxx/PMC13901.xml"), stem("pone.nxml.gz")
    ('PMC13901', 'pone')
    """
    last = name.rpartition("/")[2].removesuffix(".gz")
    for ending in ARTICLE_ENDINGS:
        last = last.removesuffix(ending)
    return last


class _Bytes:
    """Blocks as a file that can be read once, and never further than it is allowed to."""

    def __init__(self, blocks: Iterator[bytes], path: Path) -> None:
        self._blocks = blocks
        self._path = path
        self._rest = b""
        self.allowed = MAX_HEADER_BYTES

    def peek(self, size: int) -> bytes:
        """At least so many bytes, if there are, without using them up."""
        while len(self._rest) < size and (block := next(self._blocks, b"")):
            self._rest += block
        return self._rest

    def read(self, size: int) -> bytes:
        """Up to so many bytes: what `tarfile` asks for."""
        block, self._rest = self.peek(1)[:size], self._rest[size:]
        self.allowed -= len(block)
        if self.allowed < 0:
            problem = f"a header of the archive is longer than {MAX_HEADER_BYTES:,} bytes."
            raise MalformedFileError.at(self._path, problem)
        return block

    def read_all(self, size: int) -> bytes:
        """All bytes, but few more than `size` of them."""
        return bytes(self.peek(size + 1))


def _members(stream: _Bytes, path: Path, max_article_bytes: int) -> Iterator[Bundled]:
    empty = True
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:  # pyright: ignore[reportCallIssue, reportArgumentType] - it only reads
            while (member := archive.next()) is not None:
                archive.members.clear()  # of millions of members the headers would stay
                if len(archive.pax_headers) > MAX_GLOBAL_HEADERS:
                    raise MalformedFileError.at(path, "it has too many global headers.")
                if member.size < 0:
                    raise MalformedFileError.at(
                        path, "a member of the archive has less than no bytes."
                    )
                # What is behind the data may be a header; the data itself may be of any length.
                stream.allowed = member.size + MAX_HEADER_BYTES
                if _is_article(member):
                    empty = False
                    yield _read(archive, member, max_article_bytes)
                    if member.size <= max_article_bytes:
                        stream.allowed = MAX_HEADER_BYTES
    except (tarfile.TarError, ValueError, LookupError, OverflowError, RecursionError) as error:
        problem = f"the archive is damaged ({error}); fetch it again."
        raise MalformedFileError.at(path, problem) from None
    if empty:
        raise MalformedFileError.at(path, "the archive holds no article (.nxml, .xml).")


def _is_article(member: tarfile.TarInfo) -> bool:
    name = Path(member.name).name
    hidden = name.startswith("._")  # what macOS puts beside a file
    return member.isfile() and not hidden and name.lower().endswith(ARTICLE_ENDINGS)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo, max_bytes: int) -> Bundled:
    name = _shown(member.name)
    if member.size > max_bytes:
        return Bundled(name, b"", f"it has {member.size:,} bytes, more than {max_bytes:,}")
    if member.issparse():
        return Bundled(name, b"", "it is a sparse file, which is mostly holes")
    file = archive.extractfile(member)
    return Bundled(name, file.read() if file else b"")


def _shown(name: str) -> str:
    """A name that can be written as UTF-8, whatever bytes it has."""
    return name.encode("utf-8", "backslashreplace").decode()
