"""A registry for tests: manifests, blobs and tags as the distribution specification has them, with a password."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONTENT = "application/vnd.cncf.flux.content.v1.tar+gzip"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def archive(files: Mapping[str, str | bytes], *more: tarfile.TarInfo) -> bytes:
    """A tar archive, compressed, as `flux push artifact` makes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            raw = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))
        for entry in more:
            tar.addfile(entry, io.BytesIO(bytes(entry.size)) if entry.size else None)
    return gzip.compress(buffer.getvalue(), mtime=0)


class OciServer:
    """Serves on loopback.

    Attributes:
        password: what `bot` must give; empty to let everybody in.
        storage: address that blobs are redirected to; empty to serve them here.
        seen: method, path and Authorization of each request.
    """

    def __init__(self) -> None:
        self.password, self.storage, self.status = "", "", 0
        self.seen: list[tuple[str, str, str]] = []
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def push(self, path: str, tag: str, *layers: tuple[str, bytes], **notes: str) -> str:
        """Push an artifact, as its owner does; the digest of its manifest."""
        for _, content in layers:
            self.blobs[digest_of(content)] = content
        described = [{"mediaType": kind, "digest": digest_of(raw), "size": len(raw)} for kind, raw in layers]
        body: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": described}
        if notes:
            body["annotations"] = notes
        return self.put(path, tag, body)

    def put(self, path: str, tag: str, body: Mapping[str, Any]) -> str:
        raw = json.dumps(body).encode()
        digest = digest_of(raw)
        self.manifests[digest] = raw
        self.tags.setdefault(path, {})[tag] = digest
        return digest

    def answer(self, method: str, path: str, login: str) -> tuple[int, dict[str, str], bytes]:
        if self.status:
            return self.status, {"Retry-After": "7"}, b"{}"
        if self.password and login != "Basic " + base64.b64encode(f"bot:{self.password}".encode()).decode():
            return 401, {"WWW-Authenticate": 'Basic realm="registry"'}, b"{}"
        bare = path.partition("?")[0].removeprefix("/v2/")
        if bare.endswith("/tags/list"):
            tags = self.tags.get(bare.removesuffix("/tags/list"))
            return (200, {}, json.dumps({"tags": list(tags)}).encode()) if tags is not None else (404, {}, b"{}")
        name, _, digest = bare.partition("/blobs/")
        if digest:
            if self.storage:
                return 307, {"Location": f"{self.storage}/{digest}"}, b""
            return (200, {}, self.blobs[digest]) if digest in self.blobs else (404, {}, b"{}")
        name, _, reference = bare.partition("/manifests/")
        digest = self.tags.get(name, {}).get(reference, reference)
        raw = self.manifests.get(digest)
        if raw is None:
            return 404, {}, b"{}"
        kind = json.loads(raw).get("mediaType", MANIFEST)
        return 200, {"Docker-Content-Digest": digest, "Content-Type": kind}, raw

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

            def do_GET(self) -> None:
                login = self.headers.get("Authorization", "")
                server.seen.append((self.command, self.path, login))
                status, headers, body = server.answer(self.command, self.path, login)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 - the base class's name

        return Handler
