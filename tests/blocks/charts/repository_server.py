"""A chart repository over http, as people run them: files, ETags, logins, and all that goes wrong."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml
from aiohttp import web


def packed(version: str, files: dict[str, str] | None = None, name: str = "shop") -> bytes:
    """A packed chart."""
    every = {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: '7'\n",
        "values.yaml": "a: 1\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in (every | (files or {})).items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            content = text.encode()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Repository:
    """What it serves, and what it was asked.

    Attributes:
        login: `user:password` that it wants; empty for none.
        status: what it answers to all.
        elsewhere: address that packed charts are at.
    """

    charts: dict[str, bytes] = field(default_factory=dict)
    login: str = ""
    status: int = 200
    elsewhere: str = ""
    digests: bool = True
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    url: str = ""
    padding: int = 0

    def index(self) -> bytes:
        """The index.yaml of these charts."""
        entries = [
            {
                "name": "shop",
                "version": version,
                "appVersion": 7,
                "urls": [f"{self.elsewhere}/shop-{version}.tgz".lstrip("/")],
                "digest": hashlib.sha256(content).hexdigest() if self.digests else "",
            }
            for version, content in self.charts.items()
        ]
        others = {"aaa": [{"name": "aaa", "version": "1.0.0"}], "zzz": [{"name": "zzz", "version": "9.0.0"}]}
        text = yaml.safe_dump({"apiVersion": "v1", "entries": {**others, "shop": entries}, "generated": "now"})
        return text.encode() + b"#" * self.padding

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.shown.append(request.headers.get("Authorization", ""))
        if self.status != 200:
            return web.Response(status=self.status)
        if self.login and self.shown[-1] != f"Basic {base64.b64encode(self.login.encode()).decode()}":
            return web.Response(status=401)
        content: Any = self.index() if request.path == "/index.yaml" else None
        if content is None:
            version = request.path.removeprefix("/shop-").removesuffix(".tgz")
            content = self.charts.get(version)
        if content is None:
            return web.Response(status=404)
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=content, headers={"ETag": etag})


@asynccontextmanager
async def serving(repository: Repository) -> AsyncIterator[Repository]:
    """Serve it for the duration of the block."""
    runner = web.ServerRunner(web.Server(repository.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    repository.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield repository
    finally:
        await runner.cleanup()
