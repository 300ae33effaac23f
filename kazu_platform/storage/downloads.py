"""Downloads: files from elsewhere, fetched once, resumed, checked, and put in place whole.

Beside each file lies `<file>.meta.json` with what its server said about it, so that an unchanged
file is not fetched again, and while it is fetched `<file>.part`, so that a cut connection costs
only what was missing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from kazu_platform.errors import ChecksumError, ConfigurationError, DownloadError
from kazu_platform.storage.atomic import (
    locked,
    make_folder,
    move_atomically,
    temporary_beside,
    write_atomically,
)
from kazu_platform.storage.folders import names_in_index
from kazu_platform.storage.transfers import Transfer, Validators

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

Progress = Callable[[int, int | None], None]
Trouble = Callable[[str], None]
_SCHEMES = ("https", "http", "file")
_INDEX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file in place. `changed` is false if it was there already."""

    path: Path
    n_bytes: int
    sha256: str
    changed: bool
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class _Meta:
    """What is known about a fetched file; trusted only while size and time still fit."""

    url: str
    n_bytes: int
    mtime_ns: int
    sha256: str
    md5: str
    etag: str | None = None
    last_modified: str | None = None
    source_mtime_ns: int | None = None


class Downloader:
    """Fetches files over https, http, or from this machine.

    Args:
        attempts: how often a transfer is tried; each goes on where the one before ended.
        longest_wait: seconds between attempts at most, where the server does not ask for more.
        longest_asked: seconds that a server may ask us to wait (`Retry-After`); if it asks for
            more, it is left alone.
        timeout: seconds of silence after which a connection counts as dead.
        transport: in place of the network, for a caller that brings its own.
    """

    def __init__(
        self,
        *,
        attempts: int = 6,
        longest_wait: float = 60.0,
        longest_asked: float = 600.0,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._transfer = Transfer(
            attempts=attempts,
            longest_wait=longest_wait,
            longest_asked=longest_asked,
            timeout=timeout,
            transport=transport,
        )

    def fetch(  # noqa: PLR0913 - the facts of one download
        self,
        url: str,
        destination: Path,
        *,
        md5: str | None = None,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        trouble: Trouble | None = None,
    ) -> Fetched:
        """Put the file of a URL in place, if it is not there already.

        Args:
            url: https, http or file URL, or a path.
            destination: where the file goes; folders above it are made.
            md5: what its publisher says, in hexadecimal.
            max_bytes: refuse anything longer.
            progress: called with the bytes that are here and the bytes there will be, if known.
            trouble: called with what went wrong and is tried again.

        Raises:
            DownloadError: it could not be fetched; names URL and status.
            BusyError: its server asks for a longer pause than `longest_asked`.
            ChecksumError: it is not the file that was published; what was there before stays.
            ConfigurationError: the URL's scheme is not supported.
        """
        scheme = scheme_of(url)
        with locked(destination):
            known = _known(destination, url)
            if md5 is not None and known is not None:
                if known.md5 == md5.lower():
                    return _fetched(destination, known, changed=False)
                known = None  # the server's tag is not believed against the checksum
            if scheme == "file":
                return self._copy(url, destination, known, md5, max_bytes)
            try:
                return self._download(url, destination, known, md5, max_bytes, progress, trouble)
            except ChecksumError as error:  # damaged on its way, or replaced while it came
                if trouble is not None:
                    trouble(f"{error} It is fetched once more, from the start.")
                return self._download(url, destination, None, md5, max_bytes, progress, trouble)

    def list_folder(self, url: str) -> list[str]:
        """Names of the files in a folder: one of this machine, or a web server's index page.

        Raises:
            DownloadError: it could not be read; names URL and status.
            ConfigurationError: the URL's scheme is not supported.
        """
        if scheme_of(url) == "file":
            folder = local_path(url)
            if not folder.is_dir():
                raise DownloadError(f"{url}: there is no such folder.")
            return sorted(path.name for path in folder.iterdir() if path.is_file())
        page = self._transfer.read(url if url.endswith("/") else f"{url}/", max_bytes=_INDEX_BYTES)
        return names_in_index(page.body, page.url)

    def _download(  # noqa: PLR0913, PLR0917 - the facts of one download
        self,
        url: str,
        destination: Path,
        known: _Meta | None,
        md5: str | None,
        max_bytes: int | None,
        progress: Progress | None,
        trouble: Trouble | None,
    ) -> Fetched:
        part = destination.with_name(f"{destination.name}.part")
        make_folder(destination.parent)
        validators = Validators(known.etag, known.last_modified) if known else None
        received = self._transfer.to_file(
            url, part, unless=validators, max_bytes=max_bytes, progress=progress, trouble=trouble
        )
        if received is None and known is not None:
            return _fetched(destination, known, changed=False)
        says = received or Validators(None, None)
        return _finish(
            part,
            destination,
            md5,
            known,
            url=url,
            etag=says.etag,
            last_modified=says.last_modified,
        )

    def _copy(
        self,
        url: str,
        destination: Path,
        known: _Meta | None,
        md5: str | None,
        max_bytes: int | None,
    ) -> Fetched:
        source = local_path(url)
        try:
            found = source.stat()
            if max_bytes is not None and found.st_size > max_bytes:
                raise DownloadError(
                    f"{url} has {found.st_size} bytes, more than the {max_bytes} allowed."
                )
            if (
                known is not None
                and known.source_mtime_ns == found.st_mtime_ns
                and known.n_bytes == found.st_size
            ):
                return _fetched(destination, known, changed=False)
            make_folder(destination.parent)
            temporary = temporary_beside(destination)
            try:
                shutil.copyfile(source, temporary)
                return _finish(
                    temporary, destination, md5, known, url=url, source_mtime_ns=found.st_mtime_ns
                )
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise DownloadError(f"{url} cannot be copied: {error}") from error


def fetched_file(path: Path) -> Fetched:
    """What is known of a file that was fetched; of another one, what it is now.

    Raises:
        DownloadError: there is no such file.
    """
    meta = _read_meta(path)
    if meta is not None:
        return _fetched(path, meta, changed=False)
    try:
        sha256, _ = _hashes(path)
        return Fetched(path, path.stat().st_size, sha256, changed=False)
    except OSError as error:
        raise DownloadError(f"{path} was not fetched ({error}); fetch it first.") from None


def facts_of(path: Path) -> dict[str, str | int | None] | None:
    """What is recorded beside a fetched file, if it is about the file as it lies there."""
    meta = _read_meta(path)
    return None if meta is None else asdict(meta)


def record_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Record beside a copy what was recorded beside the file that was fetched."""
    is_now = path.stat()
    of_copy = {"n_bytes": is_now.st_size, "mtime_ns": is_now.st_mtime_ns}
    write_atomically(
        _meta_path(path), (json.dumps(dict(facts) | of_copy, indent=1) + "\n").encode()
    )


def scheme_of(url: str) -> str:
    """The scheme of a URL, `file` for a plain path.

    >>> scheme_of("https://ftp.ncbi.nlm.nih.gov/pubmed/baseline/")
    'https'

    Raises:
        ConfigurationError: it is not supported; says which are.
    """
    try:
        scheme = urlsplit(url).scheme.lower() if "://" in url else "file"
    except ValueError as error:
        raise ConfigurationError(f"{url} is no URL: {error}") from None
    if scheme not in _SCHEMES:
        raise ConfigurationError(
            f"{url}: {scheme}:// cannot be fetched; use {', '.join(_SCHEMES)} or a path."
        )
    return scheme


def local_path(url: str) -> Path:
    """Path of a `file:` URL or of a path.

    >>> local_path("file:///data/gene%20names.tsv").as_posix()
    '/data/gene names.tsv'
    """
    return Path(unquote(urlsplit(url).path)) if "://" in url else Path(url)


def _finish(  # noqa: PLR0913 - what a side file records
    received: Path,
    destination: Path,
    md5: str | None,
    known: _Meta | None,
    *,
    url: str,
    etag: str | None = None,
    last_modified: str | None = None,
    source_mtime_ns: int | None = None,
) -> Fetched:
    """Check a received file and put it in place, or leave the same file alone."""
    sha256, is_md5 = _hashes(received)
    if md5 is not None and is_md5 != md5.lower():
        received.unlink()
        raise ChecksumError(
            f"{url}: the md5 of what came is {is_md5}, published is {md5}; try again later, or "
            "correct the checksum."
        )
    changed = known is None or known.sha256 != sha256
    if changed:
        _meta_path(destination).unlink(missing_ok=True)
        move_atomically(received, destination)
    else:
        received.unlink()
    is_now = destination.stat()
    meta = _Meta(
        url=url,
        n_bytes=is_now.st_size,
        mtime_ns=is_now.st_mtime_ns,
        sha256=sha256,
        md5=is_md5,
        etag=etag,
        last_modified=last_modified,
        source_mtime_ns=source_mtime_ns,
    )
    write_atomically(_meta_path(destination), (json.dumps(asdict(meta), indent=1) + "\n").encode())
    return _fetched(destination, meta, changed=changed)


def _known(destination: Path, url: str) -> _Meta | None:
    """What the side file says, if it is about this URL."""
    meta = _read_meta(destination)
    return meta if meta is not None and meta.url == url else None


def _read_meta(destination: Path) -> _Meta | None:
    """What the side file says, if it is about the file as it lies there."""
    try:
        meta = _Meta(**json.loads(_meta_path(destination).read_bytes()))
        is_now = destination.stat()
    except (OSError, ValueError, TypeError):
        return None
    fits = (meta.n_bytes, meta.mtime_ns) == (is_now.st_size, is_now.st_mtime_ns)
    return meta if fits else None


def _fetched(destination: Path, meta: _Meta, *, changed: bool) -> Fetched:
    return Fetched(destination, meta.n_bytes, meta.sha256, changed, meta.etag, meta.last_modified)


def _meta_path(destination: Path) -> Path:
    return destination.with_name(f"{destination.name}.meta.json")


def _hashes(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_SET)
        return sha256, file_digest(file, _md5).hexdigest()


def _md5():  # noqa: ANN202 - hashlib names no public type for a hash
    from hashlib import md5

    return md5(usedforsecurity=False)
