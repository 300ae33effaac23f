"""Downloads, against a real server that behaves as badly as real servers do."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kazu_platform.errors import BusyError, ChecksumError, ConfigurationError, DownloadError
from kazu_platform.storage.downloads import Downloader, fetched_file
from kazu_platform.storage.folders import names_in_index

if TYPE_CHECKING:
    from pathlib import Path

BODY = bytes(range(256)) * 4_000  # about a megabyte
Answer = Callable[["Site", BaseHTTPRequestHandler], None]


@dataclass
class Site:
    """A server: what it answers, in turn (the last answer again and again), and what was asked."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    body: bytes = BODY
    etag: str | None = '"one"'
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(dict(handler.headers))
        turn = min(len(self.asked), len(self.answers)) - 1
        (self.answers[turn] if self.answers else whole)(self, handler)


def send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def tags(site: Site) -> dict[str, str]:
    return {"ETag": site.etag} if site.etag else {}


def whole(site: Site, handler: BaseHTTPRequestHandler) -> None:
    """As a good server: conditions, ranges, tags."""
    if site.etag and handler.headers.get("If-None-Match") == site.etag:
        send(handler, 304, headers=tags(site))
        return
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if wanted and handler.headers.get("If-Range") == site.etag:
        start = int(wanted[1])
        total = len(site.body)
        if start >= total:
            send(handler, 416, headers={"Content-Range": f"bytes */{total}"})
            return
        place = f"bytes {start}-{total - 1}/{total}"
        send(handler, 206, site.body[start:], {"Content-Range": place, **tags(site)})
        return
    send(handler, 200, site.body, tags(site))


def cut_half_way(site: Site, handler: BaseHTTPRequestHandler) -> None:
    half = site.body[: len(site.body) // 2]
    send(handler, 200, half, {"Content-Length": str(len(site.body)), **tags(site)})
    handler.close_connection = True


def endless(_: Site, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    try:
        while True:
            handler.wfile.write(b"x" * 65_536)
    except OSError:
        pass


def says(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _, handler: send(handler, status, headers=named)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the same
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
            """Clients hang up on purpose here."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}/pubmed/file.xml.gz"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "file.xml.gz"


@pytest.fixture
def downloader() -> Downloader:
    return Downloader(attempts=3, longest_wait=0.02, timeout=5)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_checked_and_put_in_place(
    site: Site, destination: Path, downloader: Downloader
):
    seen: list[tuple[int, int | None]] = []

    fetched = downloader.fetch(
        site.url,
        destination,
        md5=md5(BODY).hexdigest().upper(),  # noqa: S324 - what publishers publish
        progress=lambda here, total: seen.append((here, total)),
    )

    assert destination.read_bytes() == BODY
    assert (fetched.changed, fetched.n_bytes, fetched.etag) == (True, len(BODY), '"one"')
    assert fetched.sha256 == sha256(BODY).hexdigest()
    assert seen[-1] == (len(BODY), len(BODY))
    assert site.asked[0]["Accept-Encoding"] == "identity"
    assert names(destination.parent) == ["file.xml.gz", "file.xml.gz.lock", "file.xml.gz.meta.json"]


def test_an_unchanged_file_is_not_fetched_again(
    site: Site, destination: Path, downloader: Downloader
):
    downloader.fetch(site.url, destination)

    again = downloader.fetch(site.url, destination)

    assert not again.changed
    assert site.asked[1]["If-None-Match"] == '"one"'


def test_a_published_checksum_saves_the_question(
    site: Site, destination: Path, downloader: Downloader
):
    downloader.fetch(site.url, destination)

    again = downloader.fetch(site.url, destination, md5=md5(BODY).hexdigest())  # noqa: S324

    assert not again.changed
    assert len(site.asked) == 1


def test_a_changed_file_is_fetched_again(site: Site, destination: Path, downloader: Downloader):
    downloader.fetch(site.url, destination)
    site.body, site.etag = b"new", '"two"'

    again = downloader.fetch(site.url, destination)

    assert again.changed
    assert destination.read_bytes() == b"new"


def test_equal_bytes_under_a_new_tag_are_no_change(
    site: Site, destination: Path, downloader: Downloader
):
    downloader.fetch(site.url, destination)
    before = destination.stat().st_mtime_ns
    site.etag = '"two"'

    assert not downloader.fetch(site.url, destination).changed
    assert destination.stat().st_mtime_ns == before
    downloader.fetch(site.url, destination)
    assert site.asked[2]["If-None-Match"] == '"two"'


def test_a_file_changed_by_hand_is_fetched_anew(
    site: Site, destination: Path, downloader: Downloader
):
    downloader.fetch(site.url, destination)
    destination.write_bytes(b"edited")

    assert downloader.fetch(site.url, destination).changed
    assert destination.read_bytes() == BODY


def test_a_cut_connection_is_resumed_where_it_was_cut(
    site: Site, destination: Path, downloader: Downloader
):
    site.answers = [cut_half_way, whole]
    troubles: list[str] = []

    downloader.fetch(site.url, destination, trouble=troubles.append)

    assert destination.read_bytes() == BODY
    [trouble] = troubles
    assert trouble.startswith(f"{site.url}: RemoteProtocolError: ")
    assert trouble.endswith("; tried again in 0 s, after 1 of 3 attempts.")
    assert site.asked[1]["Range"] == f"bytes={len(BODY) // 2}-"
    assert site.asked[1]["If-Range"] == '"one"'


def test_another_process_goes_on_from_what_came(
    site: Site, destination: Path, downloader: Downloader
):
    site.answers = [cut_half_way]
    with pytest.raises(DownloadError, match="gave up after 1 attempts"):
        Downloader(attempts=1).fetch(site.url, destination)
    assert not destination.exists()
    site.answers = [whole]

    downloader.fetch(site.url, destination)

    assert destination.read_bytes() == BODY
    assert site.asked[1]["Range"] == f"bytes={len(BODY) // 2}-"


def test_a_file_that_changes_while_it_comes_is_begun_anew(
    site: Site, destination: Path, downloader: Downloader
):
    def replaced(site: Site, handler: BaseHTTPRequestHandler) -> None:
        site.body, site.etag = b"new" * 300_000, '"two"'
        whole(site, handler)

    site.answers = [cut_half_way, replaced]

    downloader.fetch(site.url, destination)

    assert destination.read_bytes() == b"new" * 300_000


def test_without_a_tag_nothing_is_resumed(site: Site, destination: Path, downloader: Downloader):
    site.etag = None
    site.answers = [cut_half_way, whole]

    downloader.fetch(site.url, destination)

    assert destination.read_bytes() == BODY
    assert "Range" not in site.asked[1]


def test_a_part_that_was_complete_is_not_fetched_again(
    site: Site, destination: Path, downloader: Downloader
):
    destination.parent.mkdir()
    destination.with_name("file.xml.gz.part").write_bytes(BODY)
    state = f'{{"url": "{site.url}", "etag": "\\"one\\"", "last_modified": null}}'
    destination.with_name("file.xml.gz.part.json").write_text(state)

    downloader.fetch(site.url, destination)

    assert destination.read_bytes() == BODY
    assert len(site.asked) == 1
    assert names(destination.parent) == ["file.xml.gz", "file.xml.gz.lock", "file.xml.gz.meta.json"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_again(
    site: Site, destination: Path, downloader: Downloader, status: int
):
    site.answers = [says(status, Retry_After="0"), whole]

    assert downloader.fetch(site.url, destination).n_bytes == len(BODY)


def test_the_server_s_wish_to_wait_is_honoured(site: Site, destination: Path):
    import time

    site.answers = [says(503, Retry_After="1"), whole]
    began = time.monotonic()

    Downloader(attempts=2, longest_wait=0.1).fetch(site.url, destination)

    assert time.monotonic() - began >= 1


def test_a_server_that_asks_for_a_long_pause_is_left_alone(site: Site, destination: Path):
    site.answers = [says(429, Retry_After="7200")]

    with pytest.raises(BusyError, match="come back in 7,200 s"):
        Downloader(attempts=5, longest_asked=600).fetch(site.url, destination)

    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 304])
def test_what_will_not_pass_is_not_tried_again(
    site: Site, destination: Path, downloader: Downloader, status: int
):
    site.answers = [says(status)]

    with pytest.raises(DownloadError) as caught:
        downloader.fetch(site.url, destination)

    assert f"{site.url}: status {status}" in str(caught.value)
    assert len(site.asked) == 1


def test_a_server_that_never_recovers_is_given_up(
    site: Site, destination: Path, downloader: Downloader
):
    site.answers = [says(503)]

    with pytest.raises(DownloadError, match="status 503 Service Unavailable; gave up after 3"):
        downloader.fetch(site.url, destination)

    assert len(site.asked) == 3


def test_a_server_that_is_not_there_is_named(destination: Path, downloader: Downloader):
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:9/x: ConnectError"):
        downloader.fetch("http://127.0.0.1:9/x", destination)


def test_a_wrong_checksum_keeps_what_was_there(
    site: Site, destination: Path, downloader: Downloader
):
    downloader.fetch(site.url, destination)
    site.body, site.etag = b"damaged", '"two"'

    with pytest.raises(ChecksumError, match="published is 0000"):
        downloader.fetch(site.url, destination, md5="0" * 32)

    assert destination.read_bytes() == BODY
    assert not destination.with_name("file.xml.gz.part").exists()


def test_a_file_damaged_on_its_way_is_fetched_once_more(
    site: Site, destination: Path, downloader: Downloader
):
    def damaged(_: Site, handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, b"?" * len(BODY), {"ETag": '"one"'})

    site.answers = [damaged, whole]

    is_right, is_wrong = (md5(body).hexdigest() for body in (BODY, b"?" * len(BODY)))  # noqa: S324
    troubles: list[str] = []

    downloader.fetch(site.url, destination, md5=is_right, trouble=troubles.append)

    assert destination.read_bytes() == BODY
    [trouble] = troubles
    assert trouble == (
        f"{site.url}: the md5 of what came is {is_wrong}, published is {is_right}; try again later,"
        " or correct the checksum. It is fetched once more, from the start."
    )


def test_a_length_that_is_never_reached_is_an_error(
    site: Site, destination: Path, downloader: Downloader
):
    def short(_: Site, handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, b"short", {"Content-Length": "10"})
        handler.close_connection = True

    site.answers = [short]

    with pytest.raises(DownloadError, match="gave up after 3 attempts"):
        downloader.fetch(site.url, destination)
    assert not destination.exists()


@pytest.mark.parametrize("answer", [endless, whole])
def test_too_many_bytes_are_refused(
    site: Site, destination: Path, downloader: Downloader, answer: Answer
):
    site.answers = [answer]

    with pytest.raises(DownloadError, match="longer than the 100000 bytes allowed"):
        downloader.fetch(site.url, destination, max_bytes=100_000)

    assert names(destination.parent) == ["file.xml.gz.lock"]


def test_redirects_are_followed(site: Site, destination: Path, downloader: Downloader):
    site.answers = [says(302, Location="/elsewhere"), says(307, Location=site.url), whole]

    assert downloader.fetch(site.url, destination).n_bytes == len(BODY)


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("/pubmed/file.xml.gz", "redirected more than 10 times"),
        ("file:///etc/passwd", "cannot be fetched safely"),
        ("ftp://example.org/", "cannot be fetched safely"),
        ("http://[", "is redirected to 'http://\\['"),
    ],
)
def test_a_redirect_that_leads_nowhere_good_is_refused(
    site: Site, destination: Path, downloader: Downloader, location: str, problem: str
):
    site.answers = [says(302, Location=location)]

    with pytest.raises(DownloadError, match=problem):
        downloader.fetch(site.url, destination)


def test_https_is_not_left_for_http(destination: Path):
    """There is no certificate to be had on loopback, so the transport stands in for the network."""
    to_http = httpx.MockTransport(
        lambda _: httpx.Response(301, headers={"Location": "http://example.org/x"})
    )

    with pytest.raises(DownloadError, match=r"redirected from https to http://example\.org/x"):
        Downloader(transport=to_http).fetch("https://example.org/x", destination)


@pytest.mark.parametrize("url", ["s3://bucket/key", "ftp://example.org/x", "http://[/x"])
def test_an_unknown_scheme_is_refused_by_name(url: str, destination: Path, downloader: Downloader):
    with pytest.raises(ConfigurationError) as caught:
        downloader.fetch(url, destination)
    assert url in str(caught.value)


def test_a_local_file_is_copied_only_when_it_changed(
    tmp_path: Path, destination: Path, downloader: Downloader
):
    source = tmp_path / "gene names.tsv"
    source.write_text("TNF")

    first = downloader.fetch(str(source), destination)
    assert (first.changed, destination.read_text()) == (True, "TNF")
    assert not downloader.fetch(str(source), destination).changed
    assert downloader.fetch(f"file://{tmp_path}/gene%20names.tsv", destination).changed

    source.write_text("TNFRSF1A")
    assert downloader.fetch(source.as_uri(), destination).changed
    assert destination.read_text() == "TNFRSF1A"
    source.touch()
    assert not downloader.fetch(source.as_uri(), destination).changed


def test_a_local_file_is_checked_too(tmp_path: Path, destination: Path, downloader: Downloader):
    source = tmp_path / "a"
    source.write_text("TNF")

    with pytest.raises(ChecksumError):
        downloader.fetch(str(source), destination, md5="0" * 32)
    with pytest.raises(DownloadError, match="more than the 2 allowed"):
        downloader.fetch(str(source), destination, max_bytes=2)
    with pytest.raises(DownloadError, match="cannot be copied"):
        downloader.fetch(str(tmp_path / "missing"), destination)
    with pytest.raises(DownloadError, match="cannot be copied"):
        downloader.fetch(str(tmp_path), destination)

    assert names(destination.parent) == ["file.xml.gz.lock"]


def test_a_fetched_file_is_known_without_reading_it(
    site: Site, destination: Path, downloader: Downloader
):
    fetched = downloader.fetch(site.url, destination)
    assert fetched_file(destination).sha256 == fetched.sha256

    destination.write_bytes(b"edited")
    assert fetched_file(destination).sha256 == sha256(b"edited").hexdigest()

    destination.unlink()
    with pytest.raises(DownloadError, match="was not fetched"):
        fetched_file(destination)


APACHE = b"""<html><head><title>Index of /pubmed/baseline</title></head><body><pre>
<a href="?C=N;O=D">Name</a> <a href="/pubmed/">Parent Directory</a> <a href="../">..</a>
<a href="pubmed26n0002.xml.gz">pubmed26n0002.xml.gz</a> 2026-01-02 12:00   20M
<a href="pubmed26n0001.xml.gz">pubmed26n0001.xml.gz</a> 2026-01-02 12:00   20M
<a href="pubmed26n0001.xml.gz.md5">pubmed26n0001.xml.gz.md5</a>
<a href="/pubmed/baseline/README.txt">README.txt</a>
<a href="stats/">stats/</a> <a href="a/b.txt">deep</a> <a href="%2e%2e%2fpasswd">evil</a>
<a href="https://example.org/x.xml.gz">elsewhere</a> <a href="file:///etc/passwd">local</a>
<a href="javascript:alert(1)">js</a> <a href="http://[">broken</a> <a href=".htaccess">hidden</a>
<a href="pubmed26n0001.xml.gz?download=1">query</a> <a>no link</a> <a href="">empty</a>
</pre></body></html>"""


def test_an_index_page_gives_plain_names_of_this_folder(site: Site, downloader: Downloader):
    folder = site.url.rpartition("/")[0]
    page = APACHE.replace(b"/pubmed/baseline/", b"/pubmed/")
    site.answers = [lambda _, handler: send(handler, 200, page, {"Content-Type": "text/html"})]

    assert downloader.list_folder(folder) == [
        "README.txt",
        "pubmed26n0001.xml.gz",
        "pubmed26n0001.xml.gz.md5",
        "pubmed26n0002.xml.gz",
    ]


@pytest.mark.parametrize("page", [b"", b"\x00\xff", b"just text", b"<a href='x.txt'"])
def test_a_page_that_is_no_index_never_crashes(page: bytes):
    try:
        assert names_in_index(page, "https://example.org/a/") in ([], ["x.txt"])
    except DownloadError as error:
        assert "https://example.org/a/" in str(error)  # noqa: PT017 - either answer will do


def test_a_local_folder_is_listed(tmp_path: Path, downloader: Downloader):
    (tmp_path / "b.xml.gz").touch()
    (tmp_path / "a.xml.gz").touch()
    (tmp_path / "folder").mkdir()

    assert downloader.list_folder(str(tmp_path)) == ["a.xml.gz", "b.xml.gz"]
    assert downloader.list_folder(tmp_path.as_uri()) == ["a.xml.gz", "b.xml.gz"]
    with pytest.raises(DownloadError, match="no such folder"):
        downloader.list_folder(str(tmp_path / "missing"))
