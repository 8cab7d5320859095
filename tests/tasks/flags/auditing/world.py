"""A world to audit: repositories on a real git server, a stand-in for GitHub, a flag service and a cluster in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from blocks.code.reading import Reading
from blocks.forges.asking import _resting
from blocks.forges.github import GitHub
from blocks.forges.table import Forges
from blocks.git.mirrors import Git
from blocks.registries.pulls import Puller
from flows.audit_flags import audit_flags
from lab.standins import github
from sluice.errors import SluiceError, StaleError
from sluice.flags.flag import Flag, FlagKind, FlagState, Served, Wish
from sluice.manifests.own.flag_audit import FlagAudit
from sluice.manifests.own.flag_service import FlagServiceReference
from sluice.notices.message import Message
from tests.blocks.git.git_server import GitServer, Repository
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.samples import merged
from tests.served import served

TEAM, TOKEN = "team", "ghp_of_the_lab"
LONG = datetime.now(UTC) - timedelta(days=60)
SHOP = """\
import features
from openfeature import api

client = api.get_client()


def checkout(cart):
    if client.get_boolean_value("new-checkout", False):
        return new(cart)
    else:
        return old(cart)


def new(cart):
    return cart


def old(cart):
    return cart[:1]
"""
OWNERS = "* @ann\n/docs/ @team/writers\n"
Object = dict[str, Any]


@dataclass
class Service:
    """Flags in memory, by key. What goes wrong is raised by every call."""

    known: dict[str, Flag] = field(default_factory=dict)
    wrong: SluiceError | None = None
    archived: list[str] = field(default_factory=list)
    writes: int = 0

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        self._break()
        return tuple(self.known[key] for key in sorted(self.known))

    async def flag(self, key: str, environment: str) -> Flag | None:
        self._break()
        return self.known.get(key)

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        raise StaleError("an audit turns no flag")

    async def archive(self, key: str) -> None:
        self._break()
        self.writes += 1
        self.archived.append(key)

    async def __call__(self, reference: FlagServiceReference, namespace: str) -> Service:
        return self

    def put(self, key: str, everybody: str | None = "true", since: datetime | None = LONG, **more: Any) -> None:
        """As somebody turns it, in the one environment that there is."""
        state = FlagState(enabled=True, served=Served(everybody=everybody), since=since)
        self.known[key] = Flag(key=key, environments={"production": state}, created_at=LONG, **more)

    def variants(self, key: str, everybody: str | None, *names: str) -> None:
        self.put(key, everybody, kind=FlagKind.VARIANT, variants=names)

    def _break(self) -> None:
        if self.wrong:
            raise self.wrong


class Chat:
    """A channel that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    async def say(self, message: Message) -> None:
        self.said.append(message)


@dataclass
class World:
    """What the tests act on."""

    cluster: MemoryCluster
    server: GitServer
    service: Service
    chat: Chat
    http: httpx.AsyncClient
    github: str
    home: Path
    code: Reading

    def repository(self, name: str = "shop", files: Mapping[str, str | bytes] | None = None) -> Repository:
        """A repository with its GitRepository."""
        made = Repository(self.server.root / TEAM / f"{name}.git")
        made.write({"shop.py": SHOP, ".github/CODEOWNERS": OWNERS} if files is None else files)
        spec = {"url": f"{self.server.url}/{TEAM}/{name}.git", "ref": {"branch": "main"}, "interval": "1m"}
        self.put("GitRepository", "source.toolkit.fluxcd.io/v1", name, spec)
        return made

    def audit(self, *names: str, **spec: Any) -> None:
        """The FlagAudit `weekly` over these repositories."""
        repositories = [{"sourceRef": {"name": name}} for name in names or ("shop",)]
        service = {"type": "flipt", "address": "http://flags.invalid", "environments": ["production"]}
        base = {"service": service, "repositories": repositories, "openPullRequests": True}
        self.put("FlagAudit", FlagAudit.api_version, "weekly", {**base, **spec})

    def put(self, kind: str, api: str, name: str, spec: Object, status: Object | None = None) -> None:
        """As `kubectl apply`."""
        old = self.cluster.objects.get((kind, TEAM, name), {})
        head = {"name": name, "namespace": TEAM, "uid": f"uid-{kind}-{name}", "generation": 1}
        made: Object = {"apiVersion": api, "kind": kind, "metadata": head, "spec": spec}
        now = status if status is not None else old.get("status")
        self.cluster.add(merged(made, {"status": now}) if now is not None else made)

    @property
    def status(self) -> Any:
        """Of the FlagAudit."""
        return FlagAudit.parse(self.cluster.now("FlagAudit", "weekly", TEAM)).status

    @property
    def ready(self) -> tuple[str, str]:
        """Status and message of the condition."""
        (one,) = self.status.conditions
        return one.status, one.message

    async def run(self, **more: Any) -> Any:
        """One audit; the state that its run ends in."""
        return await audit_flags.fn(name="weekly", namespace=TEAM, **more)

    async def pulls(self, name: str = "shop") -> list[Object]:
        """All pull requests of a repository, newest first."""
        found: list[Object] = (await self._github("GET", name, "/pulls?state=all")).json()
        return found

    async def merge(self, repository: Repository, number: int = 1, name: str = "shop") -> str:
        """A person merges one; the commit that is on main then."""
        branch = (await self.pulls(name))[0]["head"]["ref"]
        await self._github("PUT", name, f"/pulls/{number}/merge")
        text = repository.read("shop.py", branch)
        return repository.write({"shop.py": text + "\n"}, message="Merge")

    async def close(self, number: int = 1, name: str = "shop") -> None:
        """A person closes one."""
        await self._github("PATCH", name, f"/pulls/{number}", {"state": "closed"})

    async def asked(self) -> list[Object]:
        """What was asked of the forge that writes something."""
        found: list[Object] = (await self.http.get(f"{self.github}/-/calls")).json()
        return [one for one in found if one["method"] != "GET"]

    async def _github(self, method: str, name: str, path: str, body: Object | None = None) -> httpx.Response:
        where = f"{self.github}/repos/{TEAM}/{name}{path}"
        answer = await self.http.request(method, where, json=body, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.is_success, answer.text
        return answer


STAGES = (
    ("flows.audit_flags", ("find_audits", "read_audit", "report", "write_down", "say", "show_findings")),
    ("tasks.flags.auditing.looking.gather", ("ask", "scan", "look_for_names", "own")),
    ("tasks.flags.auditing.removals.follow", ("propose", "withdraw", "note_removed", "archive")),
)


@asynccontextmanager
async def world(folder: Path, monkeypatch: Any, *, staged: bool = True) -> AsyncIterator[World]:
    """All of it, for the duration of a test.

    Args:
        folder: of the test.
        monkeypatch: of the test.
        staged: whether stages are called as functions, as no Prefect is there to record them.
    """
    from importlib import import_module

    (folder / "served" / TEAM).mkdir(parents=True)
    for module, names in STAGES if staged else ():
        for name in names:
            place = import_module(module)
            monkeypatch.setattr(place, name, getattr(place, name).fn)
    _resting.clear()
    async with AsyncExitStack() as stack:
        app = github.application(folder / "github", TOKEN, "s", "http://127.0.0.1:9/github", "http://127.0.0.1:9")
        url = await stack.enter_async_context(served(app))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        server = GitServer(folder / "served")
        stack.callback(server.close)
        cluster, service, chat, code = MemoryCluster(), Service(), Chat(), Reading(folder / "home" / "code")
        by_host = {server.url.removeprefix("http://"): GitHub(http, SecretStr(TOKEN), url)}
        unused: Any = None
        await stack.enter_async_context(
            connected(
                cluster,
                git=Git(folder / "home" / "git"),
                code=code,
                flags=service,
                chat=chat,
                forge=Forges(by_host, http),
                artifacts=Puller(),
                router=unused,
                metrics=unused,
                gates=unused,
            )
        )
        yield World(cluster, server, service, chat, http, url, folder / "home", code)
