"""A source on a git server, what follows it, and a process whose watches may be behind while they are held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.applied.applied import Applied
from blocks.applied.watches import Watches
from blocks.connections import connections
from blocks.git.mirrors import Git
from blocks.kubernetes.cluster import Change, Kind
from blocks.kubernetes.kinds import HELM_RELEASE, KUSTOMIZATION
from blocks.renderers.table import renderer_for
from tasks.sync.fetch_source import fetch_source
from tasks.sync.find_due import find_due
from tasks.sync.kustomizations.sync import sync_kustomization
from tests.blocks.git.git_server import GitServer, Repository
from tests.connected import connected
from tests.memory_cluster import CONFIG_MAP
from tests.owning_cluster import OwningCluster

Object = dict[str, Any]
SPEC = {"sourceRef": {"kind": "GitRepository", "name": "app"}, "prune": True}
TEAM, WITHIN = "team", 20


FOLLOWERS = [f"app-{number}" for number in range(12)]


def config(value: str, name: str = "app-0") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n"


def at(value: str) -> dict[str, str | bytes | None]:
    """The file that a push changes."""
    return {"app-0/a.yaml": config(value)}


@dataclass
class Late(OwningCluster):
    """Watches are behind while `late` is set: what they bring waits."""

    late: bool = False
    _on_time: asyncio.Event = field(default_factory=asyncio.Event)

    def hold(self) -> None:
        self.late = True
        self._on_time.clear()

    def catch_up(self) -> None:
        self.late = False
        self._on_time.set()

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, body: Object, *, subresource: str | None = None
    ) -> Object:
        self.asked[f"get {kind.kind}"] -= 1  # it looks at itself for what it patches
        return await super().patch(kind, name, namespace, body, subresource=subresource)

    async def create(self, manifest: Object) -> Object:
        self.asked[f"create {manifest['kind']}"] += 1
        return await super().create(manifest)

    async def watch(
        self, kind: Kind, resource_version: str, namespace: str | None = None, labels: str | None = None
    ) -> AsyncIterator[Change]:
        async for one in super().watch(kind, resource_version, namespace, labels):
            while self.late:
                await self._on_time.wait()
            yield one


@dataclass
class World:
    """A repository on a git server, a source of it, what follows that, and a process with its watches."""

    cluster: Late
    repository: Repository
    url: str

    def follower(self, name: str, **spec: Any) -> None:
        """A Kustomization that somebody applies: new, or another generation of it."""
        key = ("Kustomization", TEAM, name)
        before = self.cluster.objects.get(key) or {
            "metadata": {"uid": name, "generation": 0},
            "spec": {**SPEC, "path": f"./{name}"},
        }
        meta = {
            **before["metadata"],
            "name": name,
            "namespace": TEAM,
            "generation": before["metadata"]["generation"] + 1,
        }
        self.cluster.add({**before, "kind": "Kustomization", "metadata": meta, "spec": {**before["spec"], **spec}})

    async def deliver(self, commit: str = "", reapply: str = "", ref: str = "main") -> list[str]:
        """As `sync_source` does it; who was synced."""
        names = [name for name in reapply.split(",") if name]
        due = await find_due.fn(await fetch_source.fn(self.url, ref, commit), names)
        for one in due:
            await sync_kustomization.fn(one)
        return [one.name for one in due]

    async def watched(self) -> None:
        """Wait until the watches know the kinds of followers and what was applied."""
        wired = connections()
        async with asyncio.timeout(WITHIN):
            for kind in (KUSTOMIZATION, HELM_RELEASE):
                await wired.informers.list(kind)
            while not wired.applied.watches or wired.applied.watches.fresh(CONFIG_MAP, TEAM) is None:
                await asyncio.sleep(0.01)

    async def heard(self) -> None:
        """Wait until the watches have brought all that there is."""
        async with asyncio.timeout(WITHIN):
            for (kind, namespace, name), item in list(self.cluster.objects.items()):
                if kind == KUSTOMIZATION.kind:
                    while connections().informers.known(KUSTOMIZATION, name, namespace) != _known(item):
                        await asyncio.sleep(0.005)

    def revision(self, name: str) -> str:
        status = self.cluster.now("Kustomization", name, TEAM).get("status") or {}
        return str(status.get("lastAppliedRevision", ""))


def _known(item: Object) -> Object:
    meta = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": meta}


@asynccontextmanager
async def delivering(folder: Path) -> AsyncIterator[World]:
    """A world in which one commit is synced, and which the watches know."""
    repository, server, cluster = Repository(folder / "app.git"), GitServer(folder), Late()
    url, it = f"{server.url}/app.git", cluster
    meta = {"name": "app", "namespace": TEAM, "uid": "uid-source", "generation": 1}
    cluster.add({"kind": "GitRepository", "metadata": meta, "spec": {"url": url, "ref": {"branch": "main"}}})
    watches = Watches(it)  # type: ignore[arg-type]
    watches.only({CONFIG_MAP})
    world = World(cluster, repository, url)
    repository.write({f"{name}/a.yaml": config("1", name) for name in FOLLOWERS})
    parts: dict[str, Any] = {"git": Git(folder / "home"), "renderer": renderer_for}
    try:
        async with connected(cluster, router=None, metrics=None, gates=None, applied=Applied(watches=watches), **parts):
            world.follower("app-0")
            await world.deliver()
            await world.watched()
            await world.heard()
            cluster.asked.clear()
            yield world
            cluster.catch_up()
            await watches.close()
    finally:
        server.close()
