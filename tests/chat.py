"""A chat on loopback: a server that takes what the platform posts to a webhook."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

SECRET = "T0K3N"  # noqa: S105 - of a server of our own


@dataclass
class Chat:
    """A server that takes messages, after it has given the answers that it was told to give."""

    port: int
    answers: list[int] = field(default_factory=list[int])
    tries: int = 0
    texts: list[str] = field(default_factory=list[str])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{SECRET}"


@contextmanager
def listening() -> Generator[Chat]:
    """A chat, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            chat.tries += 1
            answer = chat.answers.pop(0) if chat.answers else 200
            if answer == 200:
                assert self.path == f"/hooks/{SECRET}"
                chat.texts.append(json.loads(body)["text"])
            self.send_response(answer)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        chat = Chat(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield chat
        finally:
            server.shutdown()
            thread.join()
