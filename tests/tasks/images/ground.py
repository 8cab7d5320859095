"""A team's repository on a real git server, its policies and its automation in a cluster in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.git.mirrors import Git
from sluice.images.reference import ImageRef
from sluice.manifests.conditions import READY
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.write_back import write_back
from tasks.images.writing import find_git_behind as looking
from tasks.images.writing.bring_git import bring_git
from tasks.images.writing.find_git_behind import find_git_behind
from tasks.images.writing.write import Written
from tasks.upkeep.pace import Pace
from tests.blocks.git.git_server import GitServer, Repository
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.samples import merged

Object = dict[str, Any]
TEAM, IMAGE = "team", "registry.example/team/shop"
IMAGE_API = "image.toolkit.fluxcd.io/v1"


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def line(tag: str, policy: str = "shop", name: str = IMAGE) -> str:
    return f'image: {name}:{tag} # {{"$imagepolicy": "{TEAM}:{policy}"}}\n'


@dataclass
class Ground:
    """What the tests act on.

    Attributes:
        clock: seconds that the looks' own clock shows.
    """

    cluster: MemoryCluster
    server: GitServer
    repository: Repository
    clock: list[float] = field(default_factory=lambda: [1000.0])

    def put(self, kind: str, api: str, name: str, spec: Object, **meta: Any) -> None:
        """As `kubectl apply`: a changed spec is another generation, and the status stays."""
        old = self.cluster.objects.get((kind, TEAM, name), {})
        generation = old.get("metadata", {}).get("generation", 0) + (old.get("spec") != spec)
        head = {"name": name, "namespace": TEAM, "uid": f"uid-{kind}-{name}", "generation": generation}
        made: Object = {"apiVersion": api, "kind": kind, "metadata": merged(head, meta), "spec": spec}
        self.cluster.add(made | ({"status": old["status"]} if "status" in old else {}))

    def policy(self, tag: str, name: str = "shop", image: str = IMAGE, by: str = "", **meta: Any) -> None:
        """A policy that chose this tag."""
        old = self.cluster.objects.get(("ImagePolicy", TEAM, name), {})
        notes = old.get("metadata", {}).get("annotations", {})
        meta = merged({"annotations": notes}, meta)
        self.put("ImagePolicy", IMAGE_API, name, {"imageRepositoryRef": {"name": name}, "policy": {}}, **meta)
        latest = {"name": image, "tag": tag} | ({"digest": by} if by else {})
        now = self.cluster.now("ImagePolicy", name, TEAM)
        self.cluster.add({**now, "status": {"latestRef": latest}})

    def automation(self, spec: Object | None = None, name: str = "auto", **meta: Any) -> None:
        commit = {"author": {"email": "bot@example.com"}, "messageTemplate": "Deliver by {{.AutomationObject}}"}
        base = {
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
            "git": {"commit": commit},
            "interval": "60s",
        }
        self.put("ImageUpdateAutomation", IMAGE_API, name, merged(base, spec or {}), **meta)

    def source(self, **more: Any) -> None:
        spec = {"url": f"{self.server.url}/fleet.git", "ref": {"branch": "main"}, **more}
        self.put("GitRepository", "source.toolkit.fluxcd.io/v1", "fleet", spec)

    def status(self, name: str = "auto") -> Object:
        found: Object = self.cluster.now("ImageUpdateAutomation", name, TEAM).get("status", {})
        return found

    def ready(self, name: str = "auto") -> tuple[str, str, str]:
        """Status, reason and message."""
        (one,) = [one for one in self.status(name)["conditions"] if one["type"] == READY]
        return one["status"], one["reason"], one["message"]

    def notes(self, policy: str = "shop") -> Mapping[str, str]:
        found: Mapping[str, str] = self.cluster.now("ImagePolicy", policy, TEAM)["metadata"].get("annotations", {})
        return found

    def model(self, name: str = "auto") -> ImageUpdateAutomation:
        return ImageUpdateAutomation.parse(self.cluster.now("ImageUpdateAutomation", name, TEAM))

    def later(self, seconds: float = 60.0) -> None:
        self.clock[0] += seconds

    async def deliver(self, tag: str, by: str = "", policy: str = "shop") -> list[Written]:
        """A push came that the policy wants."""
        self.policy(tag, policy, by=by)
        return await write_back.fn({f"{TEAM}:{policy}": ImageRef(name=IMAGE, tag=tag, digest=by)})

    async def look(self) -> list[str]:
        """One look of `reconcile`: the automations that it starts."""
        return [event.automation for event in await find_git_behind.fn()]

    async def turn(self, name: str = "auto") -> list[Written]:
        """A look, and the run that it starts where it starts one."""
        return await bring_git.fn(TEAM, name) if name in await self.look() else []


@asynccontextmanager
async def ground(folder: Path, monkeypatch: Any, **parts: Any) -> AsyncIterator[Ground]:
    (folder / "served").mkdir()
    server = GitServer(folder / "served")
    repository = Repository(server.root / "fleet.git")
    made = Ground(MemoryCluster(), server, repository)
    monkeypatch.setattr(looking, "pace", Pace(clock=lambda: made.clock[0]))
    unused: Any = None
    parts = {"router": unused, "metrics": unused, "gates": unused, **parts}
    try:
        async with connected(made.cluster, git=Git(folder / "home"), **parts):
            yield made
    finally:
        server.close()
