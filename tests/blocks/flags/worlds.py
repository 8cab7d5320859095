"""One world for each row of `SERVICES`: a real server or repository with the same flags, and what users get of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from pydantic import SecretStr
from ruamel.yaml import YAML

from blocks.flags.access import Access
from blocks.flags.base import FlagService
from blocks.flags.table import row_of
from blocks.git.mirrors import Git, Remote
from lab.standins.flags import app
from lab.standins.flags.evaluation import Evaluation
from lab.standins.flags.state import Store
from sluice.manifests.own.flag_service import FlagServiceReference
from tests.blocks.git.git_server import GitServer, Repository
from tests.served import served

TOKEN = "flipt-token-of-the-lab"
PROD = "default"
USERS = [f"user-{number}" for number in range(1000)]
FEATURES = Path(__file__).with_name("features.yml").read_text()
FLAGD = Path(__file__).with_name("flags.json").read_text()


class World(Protocol):
    """A service with the flags of `features.yml`, or those of `flags.json`, of one meaning."""

    def service(self, token: str = TOKEN, **reference: Any) -> FlagService:
        """It, as an object of the cluster would name it."""

    async def got(self, key: str, user: str, context: dict[str, Any] | None = None) -> str:
        """What a user gets: `true`, `false` or a variant; empty for the default in the code."""

    async def person(self, key: str, enabled: bool) -> None:
        """Somebody else turns a flag's switch."""

    async def person_removes(self, key: str) -> None:
        """Somebody else removes a flag."""


Opened = Callable[[Path], AbstractAsyncContextManager[World]]


def document(text: str = FEATURES) -> Any:
    """`features.yml` as its readers have it."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


@dataclass
class Server:
    """Flipt's APIs and OFREP, on the stand-in."""

    kind: str
    url: str
    http: httpx.AsyncClient
    loaded: Any = field(default_factory=document)

    def service(self, token: str = TOKEN, **reference: Any) -> FlagService:
        said: dict[str, Any] = {"type": self.kind, "address": self.url, "timeout": "2s"} | reference
        made = Access(FlagServiceReference.model_validate(said), self.http, token=SecretStr(token))
        return row_of(self.kind).make(made)

    async def got(self, key: str, user: str, context: dict[str, Any] | None = None) -> str:
        return (await self.all_got(key, [user], context))[0]

    async def all_got(self, key: str, users: list[str], context: dict[str, Any] | None = None) -> list[str]:
        """What many users get, from the snapshot that clients evaluate."""
        evaluation = await self._evaluation()
        flag = evaluation._namespace.flag(key)
        if flag["type"] == "BOOLEAN_FLAG_TYPE":
            return [str(evaluation.boolean(key, user, context or {})["enabled"]).lower() for user in users]
        return [str(evaluation.variant(key, user, context or {})["variantKey"]) for user in users]

    async def person(self, key: str, enabled: bool) -> None:
        now = await self._get(f"/api/v1/namespaces/default/flags/{key}")
        body = {"name": now["name"], "description": now["description"], "enabled": enabled, "metadata": now["metadata"]}
        await self._ask("PUT", f"/api/v1/namespaces/default/flags/{key}", body)

    async def person_removes(self, key: str) -> None:
        await self._ask("DELETE", f"/api/v1/namespaces/default/flags/{key}", None)

    async def load(self, document: Any) -> None:
        await self.http.put(f"{self.url}/-/flags/{PROD}/default", json=document)

    async def trouble(self, **said: Any) -> None:
        await self.http.put(f"{self.url}/-/trouble", json=said)

    async def calls(self) -> list[dict[str, Any]]:
        return list((await self.http.get(f"{self.url}/-/calls")).json())

    async def _get(self, path: str) -> Any:
        return await self._ask("GET", path, None)

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = await self.http.request(
            method, self.url + path, json=body, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        answer.raise_for_status()
        return answer.json()

    async def _evaluation(self) -> Evaluation:
        """Flags as v2 shows them, evaluated by the stand-in's own reading of Flipt's rules."""
        store = Store()
        store.load(PROD, "default", {})
        namespace = store.namespace(PROD, "default")
        for kind, into in (("Flag", namespace.flags), ("Segment", namespace.segments)):
            answer = await self._get(f"/api/v2/environments/{PROD}/namespaces/default/resources/flipt.core.{kind}")
            for one in answer["resources"]:
                raw = {"defaultVariant": None, **one["payload"]}
                into[one["key"]] = store.identified(raw) if kind == "Flag" else raw
        return Evaluation(namespace)


@dataclass
class InGit:
    """A file in a repository behind git's own http-backend."""

    kind: str
    path: str
    repository: Repository
    remote: Remote
    git: Git
    http: httpx.AsyncClient
    server: GitServer

    def service(self, token: str = TOKEN, **reference: Any) -> FlagService:
        said: dict[str, Any] = {"type": self.kind, "address": self.remote.url, "path": self.path} | reference
        made = Access(FlagServiceReference.model_validate(said), self.http, git=self.git, remote=self.remote)
        return row_of(self.kind).make(made)

    @property
    def text(self) -> str:
        """The file as it is on the server, byte by byte."""
        return (self.repository.folder, self.repository.read(self.path))[1]

    async def got(self, key: str, user: str, context: dict[str, Any] | None = None) -> str:
        return (await self.all_got(key, [user], context))[0]

    async def all_got(self, key: str, users: list[str], context: dict[str, Any] | None = None) -> list[str]:
        return await asyncio.to_thread(_evaluated, self.kind, self.text, key, users, context or {})

    async def person(self, key: str, enabled: bool) -> None:
        text = self.text
        at = text.index(f'"{key}"' if self.kind == "flagd-file" else f"key: {key}\n")
        old, new = ('"ENABLED"', '"DISABLED"') if self.kind == "flagd-file" else ("enabled: true", "enabled: false")
        old, new = (new, old) if enabled else (old, new)
        await asyncio.to_thread(self.repository.write, {self.path: text[:at] + text[at:].replace(old, new, 1) + "\n"})

    async def person_removes(self, key: str) -> None:
        if self.kind == "flagd-file":
            flags = json.loads(self.text)
            del flags["flags"][key]
            text = json.dumps(flags)
        else:
            flags = document(self.text)
            flags["flags"] = [one for one in flags["flags"] if one["key"] != key]
            text = json.dumps(flags)
        await asyncio.to_thread(self.repository.write, {self.path: text})


def _evaluated(kind: str, text: str, key: str, users: list[str], context: dict[str, Any]) -> list[str]:
    if kind == "features-file":
        store = Store()
        store.load(PROD, "default", document(text))
        evaluation = Evaluation(store.namespace(PROD, "default"))
        if evaluation._namespace.flag(key)["type"] == "BOOLEAN_FLAG_TYPE":
            return [str(evaluation.boolean(key, user, context)["enabled"]).lower() for user in users]
        return [str(evaluation.variant(key, user, context)["variantKey"]) for user in users]
    core = FlagdCore()
    core.set_flags(text)
    boolean = all(isinstance(one, bool) for one in json.loads(text)["flags"][key]["variants"].values())
    found = []
    for user in users:
        asked = EvaluationContext(targeting_key=user, attributes=context)
        said: Any = (core.resolve_boolean_value if boolean else core.resolve_string_value)(
            key,
            None,
            asked,  # type: ignore[arg-type]
        )
        value = said.value if boolean else said.variant
        found.append("" if value is None else str(value).lower() if boolean else str(value))
    return found


@asynccontextmanager
async def server(kind: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server of the stand-in with the flags in it."""
    async with httpx.AsyncClient() as http, served(app.application(tmp_path, TOKEN)) as url:
        world = Server(kind, url, http)
        await world.load(document())
        yield world


@asynccontextmanager
async def in_git(kind: str, path: str, text: str, tmp_path: Path) -> AsyncIterator[InGit]:
    """A repository with the file in it."""
    (tmp_path / "served").mkdir()
    running = GitServer(tmp_path / "served")
    try:
        repository = Repository(running.root / "flags.git")
        repository.write({path: text, "README.md": "flags\n"})
        async with httpx.AsyncClient() as http:
            remote = Remote(url=f"{running.url}/flags.git", timeout=20)
            git = Git(tmp_path / "home", clock=lambda: 1_700_000_000)
            yield InGit(kind, path, repository, remote, git, http, running)
    finally:
        running.close()


WORLDS: dict[str, Opened] = {
    "flipt": lambda path: server("flipt", path),
    "flipt-v2": lambda path: server("flipt-v2", path),
    "features-file": lambda path: in_git("features-file", "flags/features.yml", FEATURES, path),
    "flagd-file": lambda path: in_git("flagd-file", "flags/flags.json", FLAGD, path),
    "ofrep": lambda path: server("ofrep", path),
}
