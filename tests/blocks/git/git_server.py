"""A git server for tests: bare repositories behind git's own http-backend, with a password, an eye and a temper."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WHO = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]


def git(*arguments: str, folder: Path | None = None, stdin: bytes = b"") -> str:
    """Run git as a person at a keyboard would, with a configuration of its own; what it printed."""
    clean = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=clean, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


class Repository:
    """A bare repository that a server holds; other people write to it through `write`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        git("init", "--quiet", "--bare", "--initial-branch=main", str(folder))
        git("config", "http.receivepack", "true", folder=folder)

    def write(self, files: Mapping[str, str | bytes | None], branch: str = "main", message: str = "write") -> str:
        """Commit files (None deletes) on top of the branch, as somebody else; the commit."""
        known = git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", folder=self.folder)
        parts = [f"commit refs/heads/{branch}\ncommitter Bob <bob@example.com> 1700000000 +0000\n".encode()]
        parts.append(_data(message.encode()))
        if known:
            parts.append(f"from {known}\n".encode())
        for path, text in files.items():
            if text is None:
                parts.append(f"D {path}\n".encode())
            else:
                parts += [f"M 100644 inline {path}\n".encode(), _data(text.encode() if isinstance(text, str) else text)]
        git("fast-import", "--quiet", "--force", folder=self.folder, stdin=b"".join(parts))
        return self.head(branch)

    def head(self, branch: str = "main") -> str:
        return git("rev-parse", f"refs/heads/{branch}", folder=self.folder)

    def read(self, path: str, branch: str = "main") -> str:
        return git("show", f"refs/heads/{branch}:{path}", folder=self.folder)

    def log(self, form: str = "%s", branch: str = "main") -> list[str]:
        return git("log", f"--format={form}", f"refs/heads/{branch}", folder=self.folder).splitlines()


class GitServer:
    """Serves a folder of repositories on loopback.

    Attributes:
        password: what `bot` must give; empty to let everybody in.
        status: an HTTP status that all requests get instead of an answer; 0 for none.
        seen: the Authorization headers that came.
        moved_to: another server that requests are redirected to.
        renamed: old path of a repository → its new one, which those who ask for the old one are sent to.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.password, self.status, self.moved_to = root, "", 0, ""
        self.renamed: dict[str, str] = {}
        self.seen: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

            def do_GET(self) -> None:
                server._answer(self)

            do_POST = do_GET  # noqa: N815 - the base class's name

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        login = request.headers.get("Authorization", "")
        self.seen.append(login)
        wanted = "Basic " + base64.b64encode(f"bot:{self.password}".encode()).decode()
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        old = next((path for path in self.renamed if request.path.startswith(path)), "")
        if old:
            request.send_response(301)
            request.send_header("Location", self.renamed[old] + request.path.removeprefix(old))
            request.send_header("Content-Length", "0")
            request.end_headers()
        elif self.moved_to:
            request.send_response(302)
            request.send_header("Location", self.moved_to + request.path)
            request.end_headers()
        elif self.status or (self.password and login != wanted):
            request.send_response(self.status or 401)
            request.send_header("WWW-Authenticate", 'Basic realm="git"')
            request.end_headers()
        else:
            self._backend(request, body)

    def _backend(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        path, _, query = request.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "bot",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        request.send_response(int(headers.pop("Status", "200 OK").split(" ")[0]))
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)


def _data(raw: bytes) -> bytes:
    return f"data {len(raw)}\n".encode() + raw + b"\n"
