"""Checksums: is this the file that was published?

NLM writes `MD5(pubmed26n0001.xml.gz)= 4208c552...` into a file beside each archive; `md5sum`
writes `4208c552...  pubmed26n0001.xml.gz`. Both are read, and a bare digest too.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from kazu_platform.errors import ChecksumError

if TYPE_CHECKING:
    from pathlib import Path

MAX_SIDE_FILE_BYTES = 1024**2
_DIGEST = r"(?P<digest>[0-9a-fA-F]{32})"
_FORMS = (
    re.compile(rf"MD5 ?\((?P<name>.+)\) ?= ?{_DIGEST}"),
    re.compile(rf"{_DIGEST}(?: [ *](?P<name>.+))?"),
)


def verify(path: Path, md5_path: Path) -> None:
    """Compare a file with the digest in the file beside it.

    Raises:
        ChecksumError: they differ (both digests are named), or the side file cannot be read.
    """
    expected = published_md5(md5_path, path.name)
    found = md5_of(path)
    if found != expected:
        raise ChecksumError(
            f"{path}: its MD5 is {found}, but {md5_path.name} says {expected}; fetch it again."
        )


def published_md5(md5_path: Path, name: str) -> str:
    """The digest that a side file gives for a file of that name, in small letters.

    A side file of one line is taken to mean the file it lies beside, whatever name it gives;
    one of several lines must name it.

    Raises:
        ChecksumError: it cannot be read, has no digest, or none for that name.
    """
    try:
        with md5_path.open("rb") as file:
            text = file.read(MAX_SIDE_FILE_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ChecksumError(f"{md5_path}: cannot be read: {error}") from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    digests: dict[str | None, str] = {}
    for line in lines:
        match = next((m for form in _FORMS if (m := form.fullmatch(line))), None)
        if match is None:
            raise ChecksumError(
                f"{md5_path}: {line[:80]!r} is neither 'MD5(name)= digest' nor 'digest  name'."
            )
        digests[match["name"]] = match["digest"].lower()
    if not digests:
        raise ChecksumError(f"{md5_path}: it is empty; fetch it again.")
    if len(digests) == 1:
        return next(iter(digests.values()))
    if name not in digests:
        raise ChecksumError(f"{md5_path}: none of its {len(digests)} lines is about {name}.")
    return digests[name]


def md5_of(path: Path) -> str:
    """The MD5 of a file, read in pieces.

    Raises:
        ChecksumError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise ChecksumError(f"{path}: cannot be read: {error}") from None
