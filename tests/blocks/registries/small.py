"""A small registry of the tests' own: answers as a test says, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sluice.images.reference import Repository

Answer = tuple[int, dict[str, str], Any]
Request = tuple[str, str, str]
"""Method, path with query, Authorization."""


class Registry:
    """Answers as the test says; remembers what was asked: method, path and login, and each request's headers and body."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[str] = []
        self.answer: Callable[[Request], Answer] = lambda request: (404, {}, {})
        sut = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

            def do_GET(self) -> None:
                request = (self.command, self.path, self.headers.get("Authorization", ""))
                sut.asked.append(request)
                sut.headers.append({name.lower(): value for name, value in self.headers.items()})
                sut.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
                status, headers, body = sut.answer(request)
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(raw)

            do_HEAD = do_GET  # noqa: N815 - the base class's name
            do_POST = do_GET  # noqa: N815 - the base class's name
            do_PUT = do_GET  # noqa: N815 - the base class's name

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def shop(self) -> Repository:
        return Repository(registry=self.host, path="team/shop")
