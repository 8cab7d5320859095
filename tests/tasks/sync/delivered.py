"""A source and a cluster in memory, and Kustomizations between them: what a test of a sync is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from blocks.renderers.base import NOTHING, Means
from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import Kustomization
from tasks.sync.fetch_source import Fetched
from tasks.sync.followers import kustomization
from tasks.sync.followers.base import Due
from tasks.sync.kustomizations import attempt
from tasks.sync.kustomizations.leave import leave
from tasks.sync.kustomizations.sync import sync_kustomization
from tests.applying_cluster import ApplyingCluster
from tests.connected import connected

Object = dict[str, Any]
TEAM = "team"
LABELS = {f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in {"name": "app", "namespace": TEAM}.items()}


def config(name: str, value: str = "1", **meta: Any) -> Object:
    meta = {"name": name, "namespace": TEAM, **meta}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"value": value}}


@dataclass
class Delivered:
    """The source: at each revision what each path of it renders to. A string in place of objects is why it cannot be."""

    cluster: ApplyingCluster = field(default_factory=ApplyingCluster)
    commits: list[dict[str, list[Object] | str]] = field(default_factory=list)

    def commit(self, *objects: Object, path: str = "", broken: str = "") -> str:
        """A new revision, in which this path renders to these objects and all others to what they did."""
        before = self.commits[-1] if self.commits else {}
        self.commits.append({**before, path: broken or list(objects)})
        return self.revision

    @property
    def revision(self) -> str:
        return f"main@sha1:{len(self.commits):040d}"

    def kustomization(self, name: str = "app", path: str = "", annotations: Object | None = None, **spec: Any) -> None:
        meta: Object = {"name": name, "namespace": TEAM, "uid": f"uid-{name}", "annotations": annotations or {}}
        spec = {"sourceRef": {"kind": "GitRepository", "name": "app"}, "prune": True, "path": path, **spec}
        self.cluster.add(
            {"apiVersion": Kustomization.api_version, "kind": "Kustomization", "metadata": meta, "spec": spec}
        )

    def due(self, name: str = "app", reapply: bool = False) -> Due:
        source = Fetched(namespace=TEAM, name="app", commit=f"{len(self.commits):040d}", revision=self.revision)
        return Due(namespace=TEAM, name=name, source=source, reapply=reapply)

    async def sync(self, name: str = "app", reapply: bool = False) -> str:
        return (await sync_kustomization.fn(self.due(name, reapply))).summary

    async def leave(self, name: str = "app") -> str:
        return (await leave.fn(TEAM, name)).summary

    def status(self, name: str = "app") -> Object:
        return dict(self.cluster.now("Kustomization", name, TEAM).get("status") or {})

    def condition(self, type_: str = "Ready", name: str = "app") -> tuple[str, str, str]:
        found = [one for one in self.status(name).get("conditions", []) if one["type"] == type_]
        return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")

    def inventory(self, name: str = "app") -> list[str]:
        return [one["id"] for one in self.status(name)["inventory"]["entries"]]

    def there(self, kind: str = "ConfigMap", namespace: str = TEAM) -> dict[str, Any]:
        """What there is of a kind: data or spec by name."""
        return {
            key[2]: item.get("data", item.get("spec"))
            for key, item in self.cluster.objects.items()
            if key[:2] == (kind, namespace)
        }

    # What a source and a renderer do.
    async def latest(self) -> str:
        return self.revision

    async def tree(self, revision: str) -> Path:
        return Path(revision)

    async def render(self, tree: Path, spec: Any, means: Means = NOTHING) -> list[Object]:
        found = self.commits[int(str(tree).rpartition(":")[2]) - 1].get(spec.path, [])
        if isinstance(found, str):
            raise InvalidError(found)
        return found


@asynccontextmanager
async def delivering(cluster: Any = None, **parts: Any) -> AsyncIterator[Delivered]:
    """A world for the duration of the block; `cluster` is another one than the usual."""
    world = Delivered(cluster=cluster) if cluster is not None else Delivered()

    async def source_for(*_: Any) -> Delivered:
        return world

    renderer: Callable[[str], Delivered] = lambda kind: world  # noqa: E731
    # Stages are called as the functions that they are: there is no flow around them.
    with patch.object(attempt, "source_for", source_for), patch.object(kustomization, "leave", leave.fn):
        async with connected(world.cluster, router=None, metrics=None, gates=None, renderer=renderer, **parts):
            yield world
