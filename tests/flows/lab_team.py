"""A team on the lab: a namespace, a git repository and an image of its own, with real connections to all of them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from blocks.connections import Connections, connected
from blocks.git.mirrors import Git
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import NAMESPACE
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.registries.pulls import Puller
from blocks.registries.table import open_registries
from blocks.renderers.kustomize import Kustomize
from lab.parts import oci
from sluice.events.model import Event
from sluice.manifests.crd import crds
from tests.blocks.git.git_server import Repository

Object = dict[str, Any]


@dataclass
class Events:
    """Where events go in place of Prefect's events API."""

    posted: list[Event] = field(default_factory=list)

    async def post(self, events: Sequence[Event]) -> int:
        self.posted += events
        return len(events)


@dataclass
class Team:
    """What a test does as a team: push images, write to git, apply manifests, look."""

    env: Object
    name: str
    cluster: Cluster
    repository: Repository
    url: str
    events: Events
    pushed: list[str] = field(default_factory=list)

    @property
    def image(self) -> str:
        return f"{self.env['registry']}/{self.name}"

    def push(self, tag: str, about: str = "") -> str:
        """Push an image; what differs in `about` differs in digest."""
        digest = oci.push_image(self.env["registry"], self.name, tag, {}, ["/x"], {"ABOUT": about or tag})
        self.pushed.append(digest)
        return digest

    async def apply(self, kind: str, group: str, spec: Object, name: str = "shop", **meta: Any) -> Object:
        metadata = {"name": name, "namespace": self.name, **meta}
        manifest = {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}
        return await self.cluster.apply(manifest, manager="team")

    async def source(self, name: str = "shop", **spec: Any) -> None:
        spec = {"url": self.url, "ref": {"branch": "main"}} | spec
        await self.apply("GitRepository", "source.toolkit.fluxcd.io/v1", spec, name)

    async def kustomization(self, path: str = "", name: str = "shop", **spec: Any) -> None:
        spec = {"sourceRef": {"kind": "GitRepository", "name": "shop"}, "prune": True, "path": path} | spec
        await self.apply("Kustomization", "kustomize.toolkit.fluxcd.io/v1", spec, name)

    async def see(self, api_version: str, kind: str, name: str = "shop") -> Object | None:
        return await self.cluster.find(await self.cluster.resource_for(api_version, kind), name, self.name)

    async def ready(self, kind: str = "Kustomization", name: str = "shop") -> tuple[str, str, str]:
        """Status, reason and message of the Ready condition."""
        group = "kustomize" if kind == "Kustomization" else "source"
        found = await self.see(f"{group}.toolkit.fluxcd.io/v1", kind, name)
        assert found
        (one,) = [each for each in found["status"]["conditions"] if each["type"] == "Ready"]
        return one["status"], one["reason"], one["message"]


@asynccontextmanager
async def team(env: Object, home: Path) -> AsyncIterator[Team]:
    """A team with everything of its own; all of it is gone after the block."""
    name = f"team-{uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        cluster = await Cluster.connect(env["kubeconfig"], env["context"])
        stack.push_async_callback(cluster.close)
        await asyncio.gather(*(cluster.apply(definition) for definition in crds()))
        repository = await asyncio.to_thread(Repository, Path(env["git_root"]) / f"{name}.git")
        stack.push_async_callback(asyncio.to_thread, shutil.rmtree, repository.folder)
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        stack.push_async_callback(cluster.delete, NAMESPACE, name)
        events, git = Events(), Git(home)
        wired = Connections(
            cluster=cluster,
            router=None,  # type: ignore[arg-type]
            metrics=None,  # type: ignore[arg-type]
            gates=None,  # type: ignore[arg-type]
            informers=await stack.enter_async_context(informed(cluster, (name,))),
            lease=await stack.enter_async_context(kept(cluster, name, process_identity("test"))),
            workers=Workers(cluster),
            git=git,
            trees=git.trees,
            registry=await stack.enter_async_context(open_registries()),
            renderer=lambda kind: Kustomize(program=f"{env['bin']}/kustomize"),
            prefect=events,
            artifacts=await stack.enter_async_context(Puller()),
        )
        stack.enter_context(connected(wired))
        made = Team(env, name, cluster, repository, f"{env['git_url']}/{name}.git", events)
        yield made
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        for digest in set(made.pushed):
            await http.delete(f"http://{env['registry']}/v2/{name}/manifests/{digest}")
