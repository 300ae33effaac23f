"""An S3 server on loopback: moto, a request at a time, so that a condition holds until it acts."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def application() -> WSGIApplication:
    """What answers; all that do so in one process have the same buckets."""
    moto, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with turn:
            return list(moto(environ, start_response))

    return answer


@contextmanager
def served(app: WSGIApplication) -> Generator[str]:
    """The URL where an application is served."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would tell of every request
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
