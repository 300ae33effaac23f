"""A site like NLM's on loopback: folders of PubMed files, an md5 beside each, and bad nights."""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator

FOLDERS = ("baseline/", "updatefiles/")


class Asked(NamedTuple):
    """A request, and what it was answered."""

    path: str
    from_byte: int
    status: int
    n_bytes: int


@dataclass
class NlmSite:
    """What is published, what goes wrong next, and what was asked for.

    Attributes:
        url: of the folder that holds `baseline` and `updatefiles`.
        published: path below it to bytes.
        instead: path to what is served in its place the next time, and then no more.
        cut: paths whose next transfer ends half way.
        company: transfers that wait for one another, a minute at most, and then a while for more.
        most_at_once: files that were on their way at the same time.
        asked: every request.
    """

    url: str
    published: dict[str, bytes] = field(default_factory=dict[str, bytes])
    instead: dict[str, bytes] = field(default_factory=dict[str, bytes])
    cut: set[str] = field(default_factory=set[str])
    company: int = 1
    most_at_once: int = 0
    _on_their_way: set[str] = field(default_factory=set[str], init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    asked: list[Asked] = field(default_factory=list[Asked])

    def publish(self, folder: str, file: str, xml: bytes) -> str:
        """Publish a PubMed file as NLM does: its path."""
        path = f"{folder}/{file}.xml.gz"
        body = gzip.compress(xml, mtime=0)
        self.published[f"{path}.md5"] = side_file(path, body)
        self.published[path] = body
        return path

    def md5(self, path: str) -> str:
        """Of a published file."""
        return hashlib.md5(self.published[path], usedforsecurity=False).hexdigest()

    def requests(self, path: str) -> list[Asked]:
        """Those for one path, in order."""
        return [each for each in self.asked if each.path == path]

    def body(self, path: str) -> bytes | None:
        """What to answer now."""
        return self.instead.pop(path, self.published.get(path))

    @contextmanager
    def transfer(self, path: str) -> Generator[None]:
        """A file on its way, until there was company."""
        with self._changed:
            self._on_their_way.add(path)
            self.most_at_once = max(self.most_at_once, len(self._on_their_way))
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most_at_once >= self.company, timeout=60)
            if self.company > 1:
                self._changed.wait_for(lambda: self.most_at_once > self.company, timeout=5)
        try:
            yield
        finally:
            with self._changed:
                self._on_their_way.remove(path)

    def index(self, folder: str) -> bytes:
        """The page of a folder, as Apache writes it."""
        names = [path.removeprefix(folder) for path in self.published if path.startswith(folder)]
        links = "\n".join(
            f'<a href="{name}">{name}</a>  2026-02-02 02:00' for name in sorted(names)
        )
        head = '<a href="?C=M;O=A">Last modified</a><hr><a href="/pubmed/">Parent Directory</a>'
        page = f"<h1>Index of /pubmed/{folder}</h1><pre>{head}\n{links}</pre>"
        return f"<html><body>{page}</body></html>".encode()


def side_file(path: str, body: bytes) -> bytes:
    """What stands beside a file of these bytes."""
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return f"MD5({path.rpartition('/')[2]})= {md5}\n".encode()


class SiteServer(ThreadingHTTPServer):
    """A server of one site."""

    daemon_threads = True
    site: NlmSite


class Handler(BaseHTTPRequestHandler):
    """Answers as Apache does, where the site does not say otherwise."""

    protocol_version = "HTTP/1.1"

    @property
    def site(self) -> NlmSite:
        assert isinstance(self.server, SiteServer)
        return self.server.site

    def do_GET(self) -> None:
        path = self.path.removeprefix("/pubmed/")
        if path in FOLDERS:
            self.answer(path, 200, self.site.index(path), {"Content-Type": "text/html"})
        elif (body := self.site.body(path)) is None:
            self.answer(path, 404, b"", {})
        else:
            with self.site.transfer(path):
                self.send_file(path, body)

    def send_file(self, path: str, body: bytes) -> None:
        """All of a file, or what is wanted of it, or half of that."""
        tags = {"ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"'}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.headers.get("If-None-Match") == tags["ETag"]:
            self.answer(path, 304, b"", tags)
        elif wanted and self.headers.get("If-Range") == tags["ETag"]:
            at, last = int(wanted[1]), len(body) - 1
            tags["Content-Range"] = f"bytes {at}-{last}/{len(body)}"
            self.answer(path, 206, body[at:], tags, from_byte=at)
        elif path in self.site.cut:
            self.site.cut.remove(path)
            self.close_connection = True
            tags["Content-Length"] = str(len(body))
            self.answer(path, 200, body[: len(body) // 2], tags)
        else:
            self.answer(path, 200, body, tags)

    def answer(
        self, path: str, status: int, body: bytes, headers: dict[str, str], from_byte: int = 0
    ) -> None:
        self.site.asked.append(Asked(path, from_byte, status, len(body)))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
        del format, args


@contextmanager
def serving() -> Generator[NlmSite]:
    """A site with nothing in it, until the block ends."""
    with SiteServer(("127.0.0.1", 0), Handler) as server:
        server.site = NlmSite(f"http://127.0.0.1:{server.server_port}/pubmed")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.site
        finally:
            server.shutdown()
            thread.join()
