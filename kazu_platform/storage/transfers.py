"""Transfers: one body over HTTP, resumed where it was cut and tried again where that may help.

What may help: a broken connection, 408, 429 and 5xx, waiting longer each time, or as long as the
server asks; who asks for it is told what went wrong. Any other answer is final. Redirects are
followed to http and https only, and never from https down to http.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_exponential_jitter

from kazu_platform.errors import BusyError, DownloadError, UnreachableError
from kazu_platform.storage.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

_Result = TypeVar("_Result")

_BLOCK = 1 << 18
_REDIRECTS = 10
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gives to recognise a file by."""

    etag: str | None
    last_modified: str | None

    @property
    def strong(self) -> str | None:
        """The one that proves equal bytes; a weak tag does not (RFC 9110, 13.1.5)."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified if self.etag is None else None


@dataclass(frozen=True, slots=True)
class Page:
    """A small body and where it came from in the end."""

    url: str
    body: bytes


class _TryAgainError(Exception):
    """Something that may be better in a while; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class _WaitAsAsked(wait_base):
    """As long as the server asks, otherwise longer each time, with jitter."""

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self.otherwise = wait_exponential_jitter(multiplier=min(1.0, longest), max=longest)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.wait if isinstance(error, _TryAgainError) else None
        return asked if asked is not None else self.otherwise(retry_state)


class Transfer:
    """Settings of all transfers; see `Downloader`."""

    def __init__(
        self,
        *,
        attempts: int,
        longest_wait: float,
        longest_asked: float,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.attempts = attempts
        self.longest_wait = longest_wait
        self.longest_asked = longest_asked
        self.timeout = timeout
        self.transport = transport

    def to_file(  # noqa: PLR0913 - the facts of one transfer
        self,
        url: str,
        part: Path,
        *,
        unless: Validators | None = None,
        max_bytes: int | None = None,
        progress: Callable[[int, int | None], None] | None = None,
        trouble: Callable[[str], None] | None = None,
    ) -> Validators | None:
        """Complete a `.part` file; None if the server says that nothing changed.

        `trouble` is told of each attempt that failed and is not the last.

        Raises:
            DownloadError: names URL, status and what to do.
        """
        return self._with_retries(
            url, lambda client: _receive(client, url, part, unless, max_bytes, progress), trouble
        )

    def read(self, url: str, *, max_bytes: int) -> Page:
        """A small body.

        Raises:
            DownloadError: names URL, status and what to do.
        """

        def read_once(client: httpx.Client) -> Page:
            with _opened(client, url, {}) as response:
                _must_be_ok(response, url)
                body = bytearray()
                for block in response.iter_bytes(_BLOCK):
                    body += block
                    if len(body) > max_bytes:
                        raise DownloadError(f"{url} is longer than the {max_bytes} bytes allowed.")
                return Page(str(response.url), bytes(body))

        return self._with_retries(url, read_once)

    def _with_retries(
        self,
        url: str,
        act: Callable[[httpx.Client], _Result],
        trouble: Callable[[str], None] | None = None,
    ) -> _Result:
        def tell(state: RetryCallState) -> None:
            if trouble is not None and state.outcome is not None:
                trouble(
                    f"{url}: {state.outcome.exception()}; tried again in {state.upcoming_sleep:.0f}"
                    f" s, after {state.attempt_number} of {self.attempts} attempts."
                )

        retrying = Retrying(
            stop=stop_after_attempt(self.attempts),
            wait=_WaitAsAsked(self.longest_wait),
            retry=retry_if_exception_type(_TryAgainError),
            before_sleep=tell,
            reraise=True,
        )

        def politely(client: httpx.Client) -> _Result:
            try:
                return act(client)
            except _TryAgainError as error:
                if (error.wait or 0.0) <= self.longest_asked:
                    raise
                raise BusyError(
                    f"{url}: {error}; the server asks us to come back in {error.wait:,.0f} s. Try "
                    "again then; what came so far is kept."
                ) from None

        try:
            with httpx.Client(
                timeout=self.timeout,
                transport=self.transport,
                headers={"User-Agent": "kazu-platform", "Accept-Encoding": "identity"},
            ) as client:
                return retrying(politely, client)
        except _TryAgainError as error:
            raise UnreachableError(
                f"{url}: {error}; gave up after {self.attempts} attempts. What came so far is kept "
                "and the next attempt goes on from there."
            ) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise DownloadError(f"{url} is no URL that can be fetched: {error}") from None


def _receive(  # noqa: PLR0913, PLR0917 - the facts of one transfer
    client: httpx.Client,
    url: str,
    part: Path,
    unless: Validators | None,
    max_bytes: int | None,
    progress: Callable[[int, int | None], None] | None,
) -> Validators | None:
    """One attempt to complete a part."""
    begun = _begun(part, url)
    at = part.stat().st_size if begun else 0
    headers = _conditions(begun, at, unless)
    with _opened(client, url, headers) as response:
        if response.status_code == HTTPStatus.NOT_MODIFIED and unless and "Range" not in headers:
            return None
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and begun:
            if response.headers.get("Content-Range") == f"bytes */{at}":
                _state_path(part).unlink(missing_ok=True)
                return begun  # it was complete when its writer died
            _forget(part)
            raise _TryAgainError("the file changed while it was fetched", wait=0)
        _must_be_ok(response, url)
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            if not response.headers.get("Content-Range", "").startswith(f"bytes {at}-"):
                _forget(part)
                raise _TryAgainError("the server sent another part than asked for", wait=0)
        else:
            at, begun = 0, _begin(part, url, response)
        length = _length(response)
        total = None if length is None else at + length
        _must_fit(url, total, max_bytes, part)
        with part.open("r+b") as file:
            file.seek(at)
            file.truncate()
            for block in response.iter_raw():  # in blocks of any size, so that a cut loses none
                file.write(block)
                at += len(block)
                _must_fit(url, at, max_bytes, part)
                if progress is not None:
                    progress(at, total)
        if total is not None and at != total:
            raise _TryAgainError(f"{at} of {total} bytes came")
    _state_path(part).unlink(missing_ok=True)
    return begun


@contextmanager
def _opened(client: httpx.Client, url: str, headers: dict[str, str]) -> Generator[httpx.Response]:
    """Ask for a URL and follow its redirects; a broken connection may be tried again."""
    here = url
    for _ in range(_REDIRECTS + 1):
        try:
            with client.stream("GET", here, headers=headers) as response:
                if not response.has_redirect_location:
                    yield response
                    return
                here = _redirected(url, here, response.headers["Location"])
        except httpx.UnsupportedProtocol:
            raise
        except httpx.TransportError as error:
            raise _TryAgainError(f"{type(error).__name__}: {error}") from error
    raise DownloadError(f"{url} is redirected more than {_REDIRECTS} times; correct the URL.")


def _redirected(url: str, here: str, location: str) -> str:
    try:
        there = urljoin(here, location)
        scheme = urlsplit(there).scheme
    except ValueError as error:
        raise DownloadError(f"{url} is redirected to {location!r}: {error}") from None
    if scheme not in {"http", "https"}:
        raise DownloadError(f"{url} is redirected to {there}, which cannot be fetched safely.")
    if scheme == "http" and urlsplit(here).scheme == "https":
        raise DownloadError(f"{url} is redirected from https to {there}; that is refused.")
    return there


def _must_be_ok(response: httpx.Response, url: str) -> None:
    status = f"status {response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code in _TRANSIENT:
        raise _TryAgainError(status, wait=_retry_after(response))
    if response.status_code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        raise DownloadError(f"{url}: {status}; check the URL in the catalogue.")


def _must_fit(url: str, n_bytes: int | None, max_bytes: int | None, part: Path) -> None:
    if max_bytes is not None and n_bytes is not None and n_bytes > max_bytes:
        _forget(part)
        raise DownloadError(f"{url} is longer than the {max_bytes} bytes allowed.")


def _conditions(begun: Validators | None, at: int, unless: Validators | None) -> dict[str, str]:
    """Headers that ask for the rest of a part, or for a file only if it changed."""
    if begun is not None and begun.strong is not None and at:
        return {"Range": f"bytes={at}-", "If-Range": begun.strong}
    headers: dict[str, str] = {}
    if unless is not None and unless.etag is not None:
        headers["If-None-Match"] = unless.etag
    if unless is not None and unless.last_modified is not None:
        headers["If-Modified-Since"] = unless.last_modified
    return headers


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks for: a number, or a date (RFC 9110, 10.2.3)."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        return float(asked)
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _length(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _state_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _begun(part: Path, url: str) -> Validators | None:
    """What the server said when a part was begun, if the part is of this URL and there."""
    try:
        state = json.loads(_state_path(part).read_bytes())
        if state.pop("url") == url and part.exists():
            return Validators(**state)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return None


def _begin(part: Path, url: str, response: httpx.Response) -> Validators:
    """Start a part anew; from now on it belongs to this version of the file."""
    _forget(part)
    says = Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"))
    part.touch()
    write_atomically(_state_path(part), json.dumps({"url": url, **asdict(says)}).encode())
    return says


def _forget(part: Path) -> None:
    _state_path(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)
