"""A team in memory with a real registry client: image objects in a cluster, images in a registry, events where they go."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from blocks.registries.table import open_registries
from sluice.events.model import Event, ImagePushed
from sluice.images.quarantine import ANNOTATION
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from tasks.images.choose_image import Choice, choose_image
from tasks.images.poll import NOTHING, Remembered, poll
from tests.blocks.registries.shelf import Shelf, shelf
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

SEMVER = {"semver": {"range": ">=1.0.0"}}


@dataclass
class Events:
    """Where events go in place of Prefect's events API; one that came before is not new."""

    posted: list[Event] = field(default_factory=list)
    trouble: Exception | None = None

    async def post(self, events: Sequence[Event]) -> int:
        if self.trouble:
            raise self.trouble
        known = {event.id for event in self.posted}
        new = [event for event in events if event.id not in known]
        self.posted += new
        return len(new)


@dataclass
class Place:
    """What a test does as a team, and what it sees."""

    cluster: MemoryCluster
    shelf: Shelf
    events: Events
    remembered: dict[str, Remembered] = field(default_factory=dict)
    now: float = 0.0

    @property
    def image(self) -> str:
        return f"{self.shelf.host}/shop"

    def repository(self, name: str = "shop", namespace: str = "team", **spec: Any) -> None:
        spec = {"image": f"{self.shelf.host}/{name}", "interval": "1m"} | spec
        self._add("ImageRepository", name, namespace, spec)

    def policy(self, name: str = "shop", namespace: str = "team", of: str = "shop", **spec: Any) -> None:
        spec = {"imageRepositoryRef": {"name": of}, "policy": SEMVER} | spec
        self._add("ImagePolicy", name, namespace, spec)

    def secret(self, name: str, namespace: str = "team", **data: Any) -> None:
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}
        coded = {key.replace("__", "."): base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        self.cluster.add({"kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": coded})

    def keep_out(self, *lines: str, name: str = "shop", namespace: str = "team") -> None:
        """As a rollback leaves it: `image:tag@digest -> image:tag@digest`."""
        item = dict(self.cluster.now("ImagePolicy", name, namespace))
        item["metadata"] = {**item["metadata"], "annotations": {ANNOTATION: "".join(f"{one}\n" for one in lines)}}
        self.cluster.add(item)

    def annotate(self, kind: str, value: str, name: str = "shop", namespace: str = "team") -> None:
        item = dict(self.cluster.now(kind, name, namespace))
        item["metadata"] = {**item["metadata"], "annotations": {"reconcile.fluxcd.io/requestedAt": value}}
        self.cluster.add(item)

    async def poll(self, name: str = "shop", namespace: str = "team", after: float = 60.0) -> list[ImagePushed]:
        """What the next look at a repository finds."""
        self.now += after
        found = ImageRepository.parse(self.cluster.now("ImageRepository", name, namespace))
        every = ImagePolicy.valid([one for key, one in self.cluster.objects.items() if key[0] == "ImagePolicy"])
        policies = [one for one in every if one.repository == (namespace, name) and not one.spec.suspend]
        looked = await poll(found, policies, self.remembered.get(name, NOTHING), self.now)
        self.remembered[name] = looked.remember
        return list(looked.events)

    async def deliver(self, event: ImagePushed) -> Choice:
        """What a delivery chooses, and writes into the status."""
        return await choose_image.fn(event.image, event.tag, event.digest)

    async def pushed(self, tag: str, name: str = "shop") -> Choice:
        """A push whose notification comes."""
        return await choose_image.fn(f"{self.shelf.host}/{name}", tag, self.shelf.push(name, tag))

    def status(self, kind: str = "ImagePolicy", name: str = "shop", namespace: str = "team") -> dict[str, Any]:
        return dict(self.cluster.now(kind, name, namespace).get("status") or {})

    def ready(self, kind: str = "ImagePolicy", name: str = "shop", namespace: str = "team") -> tuple[str, str, str]:
        """Status, reason and message of the Ready condition."""
        (one,) = [each for each in self.status(kind, name, namespace)["conditions"] if each["type"] == "Ready"]
        return one["status"], one["reason"], one["message"]

    def latest(self, name: str = "shop", namespace: str = "team") -> str:
        """The tag that a policy chose last."""
        return str((self.status("ImagePolicy", name, namespace).get("latestRef") or {}).get("tag", ""))

    def _add(self, kind: str, name: str, namespace: str, spec: dict[str, Any]) -> None:
        new = {"kind": kind, "metadata": {"name": name, "namespace": namespace}}
        self.cluster.add({**self.cluster.objects.get((kind, namespace, name), new), "spec": spec})


@asynccontextmanager
async def place(**more: Any) -> AsyncIterator[Place]:
    """A team with one ImageRepository `shop` and no policies yet."""
    cluster, events, nothing = MemoryCluster(), Events(), None
    with shelf() as images:
        async with open_registries() as registries:
            parts: dict[str, Any] = dict.fromkeys(("router", "metrics", "gates"), nothing)
            async with connected(cluster, **parts, registry=registries, prefect=events, **more):
                made = Place(cluster, images, events)
                made.repository()
                yield made
