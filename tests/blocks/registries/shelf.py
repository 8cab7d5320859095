"""A registry of the tests' own with tags on it, that can lose them from its list and count what it is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.blocks.registries.small import Answer, Registry, Request


@dataclass
class Shelf:
    """The images of a registry.

    Attributes:
        tags: by the path of the repository and the tag, what it names.
        listed: what the list of tags of a repository says, where that is not what there is.
        marks: whether lists have an ETag.
        away: path of a repository → the status that is answered about it.
    """

    registry: Registry
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    marks: bool = False
    away: dict[str, int] = field(default_factory=dict)
    retry_after: str = ""

    @property
    def host(self) -> str:
        return self.registry.host

    @property
    def asked(self) -> list[str]:
        """What it was asked, as method and path without query."""
        return [f"{method} {urlsplit(path).path}" for method, path, _ in self.registry.asked]

    def push(self, path: str, tag: str, content: str = "") -> str:
        """Put an image there; returns its digest."""
        digest = "sha256:" + hashlib.sha256((content or f"{path}:{tag}").encode()).hexdigest()
        self.tags.setdefault(path, {})[tag] = digest
        return digest

    def answer(self, request: Request) -> Answer:
        """As the distribution API has it."""
        path = urlsplit(request[1]).path
        for name, tags in self.tags.items():
            if path.startswith(f"/v2/{name}/") and name in self.away:
                return self.away[name], {"Retry-After": self.retry_after} if self.retry_after else {}, {}
            if path == f"/v2/{name}/tags/list":
                return self._list(name, self.listed.get(name, sorted(tags)))
            tag = path.removeprefix(f"/v2/{name}/manifests/")
            if tag in tags:
                return 200, {"Docker-Content-Digest": tags[tag]}, b""
        return 404, {}, {"errors": []}

    def _list(self, name: str, tags: list[str]) -> Answer:
        mark = f'"{hashlib.sha256(json.dumps(tags).encode()).hexdigest()[:8]}"'
        if self.marks and self.registry.headers[-1].get("if-none-match") == mark:
            return 304, {"ETag": mark}, b""
        return 200, {"ETag": mark} if self.marks else {}, {"name": name, "tags": tags}


@contextmanager
def shelf() -> Iterator[Shelf]:
    """A registry for the duration of the block."""
    registry = Registry()
    made = Shelf(registry)
    registry.answer = made.answer
    try:
        yield made
    finally:
        registry.close()
