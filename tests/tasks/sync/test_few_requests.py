"""What a push costs the API server, and that no delivery is lost by what is not asked for.

Followers are found by watches, which may be behind: `late` holds back what they bring.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from blocks.applied.applied import Applied
from blocks.applied.watches import Watches
from blocks.connections import connections
from blocks.git.mirrors import Git
from blocks.kubernetes.cluster import Change, Kind
from blocks.kubernetes.follow import news
from blocks.kubernetes.kinds import BUCKET, GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, OCI_REPOSITORY
from blocks.renderers.table import renderer_for
from blocks.sources.table import SOURCES
from deployments.watchers.announcer import Announcer
from deployments.watchers.sources import SourceWatcher
from sluice.errors import TransientError
from sluice.events.model import SourceChanged
from sluice.sync.source_url import normalise
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
NOTHING_CHANGED = {
    "list GitRepository": 1,
    "get Kustomization": 1,
    "patch GitRepository": 1,
    "patch Kustomization": 1,
    "create Event": 1,
}


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


@pytest.fixture
async def sut(tmp_path: Path) -> AsyncIterator[World]:
    async with delivering(tmp_path) as world:
        yield world


def requests(world: World) -> Counter[str]:
    left_out = ("watch", "get Lease", "apply Lease")
    return Counter({what: n for what, n in world.cluster.asked.items() if n and not what.startswith(left_out)})


async def test_a_push_that_changes_nothing_costs_five_requests(sut: World) -> None:
    """The source, the Kustomization, what is written on both, and the Event; no list of what follows sources."""
    sut.repository.write({"README": "1"})
    assert await sut.deliver() == ["app-0"]
    assert requests(sut) == NOTHING_CHANGED


async def test_a_push_that_changes_one_object_costs_eight(sut: World) -> None:
    """And the write of the object, with the intent to write it before, and which Canaries may govern it."""
    sut.repository.write(at("2"))
    assert await sut.deliver() == ["app-0"]
    assert requests(sut) == {**NOTHING_CHANGED, "patch Kustomization": 2, "apply ConfigMap": 1, "list Canary": 1}


async def test_where_nothing_moved_or_a_watch_is_broken_the_api_server_is_asked(sut: World) -> None:
    """Such a delivery may be about what a watch does not have yet."""
    assert await sut.deliver() == []
    assert requests(sut)["list Kustomization"] == 1
    sut.cluster.break_watches(TransientError("away"))
    sut.cluster.cut = None
    connections().informers._begun(KUSTOMIZATION, None).broken(TransientError("away"))
    sut.repository.write(at("2"))
    assert await sut.deliver() == ["app-0"]
    assert requests(sut)["list Kustomization"] == 2


async def test_a_branch_that_goes_back_is_followed_though_the_watch_is_behind(sut: World) -> None:
    """The watch still has the old status, by which the older revision looks as if it were applied."""
    first = sut.repository.head()
    sut.cluster.hold()
    sut.repository.write(at("2"))
    await sut.deliver()
    sut.repository.git("update-ref", "refs/heads/main", first)
    assert await sut.deliver() == ["app-0"]
    assert sut.cluster.now("ConfigMap", "app-0", TEAM)["data"] == {"value": "1"}


async def test_a_source_that_was_suspended_just_now_stays(sut: World) -> None:
    """A stop is not read from a watch."""
    sut.cluster.hold()
    source = sut.cluster.now("GitRepository", "app", TEAM)
    sut.cluster.add({**source, "spec": {**source["spec"], "suspend": True}})
    sut.repository.write(at("2"))
    assert await sut.deliver() == []


@pytest.mark.parametrize(
    ("url", "ref", "kinds"),
    [
        ("https://git/app", "main", {GIT_REPOSITORY}),
        ("git@git:app", "refs/tags/v1", {GIT_REPOSITORY}),
        ("https://git/app", "", {GIT_REPOSITORY, BUCKET}),
        ("oci://registry/app", "", {OCI_REPOSITORY}),
        ("deleted/team/app", "", set()),
        ("helm://team/app", "", set()),
    ],
)
def test_only_kinds_that_can_be_at_the_address_are_listed(url: str, ref: str, kinds: set[Kind]) -> None:
    """Others cannot be what the event is about."""
    scheme = normalise(url).partition("://")[0]
    assert {row.kind for row in SOURCES.values() if row.may_be_at(scheme, ref)} == kinds


@dataclass
class Life:
    """Pushes, new and changed followers, stops, and watches that are behind or not, in any order.

    Attributes:
        events: that the watcher of sources, which has watches of its own, has for us.
    """

    world: World
    dice: Random
    names: list[str] = field(default_factory=lambda: ["app-0"])
    events: list[SourceChanged] = field(default_factory=list)

    async def hear(self, watcher: SourceWatcher, kind: Kind) -> None:
        async for one in news(watcher.cluster, kind):
            self.events.extend(watcher.update(kind, one))

    async def answer(self) -> None:
        while self.events:
            event = self.events.pop(0)
            await self.world.deliver(event.commit, event.reapply, event.ref)

    async def push(self) -> None:
        self.world.repository.write(at(str(self.dice.random())))
        if self.dice.random() < 0.8:
            await self.world.deliver(self.world.repository.head())

    async def new(self) -> None:
        self.names.append(f"app-{len(self.names)}")
        self.world.follower(self.names[-1])

    async def change(self) -> None:
        self.world.follower(self.dice.choice(self.names), force=self.dice.random() < 0.5)

    async def suspend(self) -> None:
        self.world.follower(self.dice.choice(self.names), suspend=self.dice.random() < 0.5)

    async def late(self) -> None:
        self.world.cluster.catch_up() if self.world.cluster.late else self.world.cluster.hold()

    async def comes_to_rest(self) -> None:
        """People resume what they stopped, and push once more; all is heard in the end."""
        self.world.cluster.catch_up()
        for name in self.names:
            if self.world.cluster.now("Kustomization", name, TEAM)["spec"].get("suspend"):
                self.world.follower(name, suspend=False)
        await self.late() if self.dice.random() < 0.5 else await asyncio.sleep(0)
        self.world.repository.write(at("last"))
        await self.world.deliver(self.world.repository.head())
        self.world.cluster.catch_up()
        await self.world.heard()
        await asyncio.sleep(0.05)
        await self.answer()


@pytest.mark.parametrize("seed", range(8))
async def test_no_delivery_is_lost_however_late_the_watches_are(sut: World, seed: int) -> None:
    """In the end each follower is at what git says, without any interval."""
    cluster: Any = sut.cluster
    life, watcher = Life(sut, Random(seed)), SourceWatcher(cluster, Announcer(lambda _: asyncio.sleep(0)))
    kinds = [*(row.kind for row in SOURCES.values()), KUSTOMIZATION]
    hearing = [asyncio.create_task(life.hear(watcher, kind)) for kind in kinds]
    acts = [life.push, life.push, life.new, life.change, life.suspend, life.late, life.answer]
    for _ in range(life.dice.randint(4, 10)):
        await life.dice.choice(acts)()
        await asyncio.sleep(0)
    await life.comes_to_rest()
    wanted = f"main@sha1:{sut.repository.head()}"
    assert {name: sut.revision(name) for name in life.names} == dict.fromkeys(life.names, wanted)
    for one in hearing:
        one.cancel()
    await asyncio.gather(*hearing, return_exceptions=True)
