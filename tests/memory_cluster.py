"""A cluster in memory: objects with versions, fences and watches, and controllers that make workloads' pods at once.

It stands in for `blocks.kubernetes.cluster.Cluster` where a test is about what sluice does and in which order, and can
break at any write. What Kubernetes itself does is tried on the lab.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from dataclasses import dataclass, field, replace
from typing import Any, Self

from blocks.kubernetes import kinds
from blocks.kubernetes.cluster import Change, Kind
from blocks.kubernetes.kinds import LEASE
from blocks.kubernetes.writer import Writer
from sluice.errors import ConflictError, NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.routes.base import due
from sluice.rollout.safety.readiness import ready_addresses
from sluice.rollout.split import split
from sluice.rollout.strategies.base import Traffic
from tests.memory_endpoints import acknowledged, slices
from tests.memory_words import fits, told_of
from tests.memory_workloads import CONTROLLERS, history_of, image_of
from tests.samples import copied, merged

Object = dict[str, Any]
Key = tuple[str, str, str]
Hook = Callable[[str, str, Object], None]
"""Called with "before" or "after", the verb, and the object of a write; what it raises breaks the write there."""
ASIDE = {LEASE.kind, kinds.AUDIT_RECORD.kind}
"""What is written at no certain moment of a rollout: by a clock of its own, or next to it."""
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
"""What a user's manifests bring; sluice itself knows nothing of it."""
KINDS = {kind.kind: kind for kind in (CONFIG_MAP, *vars(kinds).values()) if isinstance(kind, Kind)}


@dataclass
class MemoryCluster:
    """Objects by kind, namespace and name.

    Attributes:
        acts: each write in order, as a short sentence. What is written aside (`ASIDE`) is left out here and below.
        broken_images: images whose pods never become ready.
        unready: workloads whose pods of their present template never become ready, as where no node has room for them.
        hooks: what looks at writes, and may break them.
        gate: what a write passes on its way to the cluster ("before") and its answer on the way back ("after").
        given, namespaces: as in a real Cluster.
        filled_in: an object with the defaults of the API server that reads it, as a new one. Reading changes nothing.
    """

    name: str = "memory"
    objects: dict[Key, Object] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)
    broken_images: set[str] = field(default_factory=set)
    unready: set[str] = field(default_factory=set)
    hooks: list[Hook] = field(default_factory=list)
    gate: Callable[[str, Object], Awaitable[None]] | None = None
    given: Callable[[Kind, list[Object]], list[Object]] = lambda _, items: items
    namespaces: tuple[str, ...] = ()
    filled_in: Callable[[Object], Object] = copied
    version: int = 0
    watchers: list[tuple[str, str | None, str | None, asyncio.Queue[Change]]] = field(default_factory=list)

    def of_metadata(self) -> Self:
        return self

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        try:
            return self.filled_in(self.objects[(kind.kind, namespace or "", name)])
        except KeyError:
            raise NotFoundError(f"{kind.kind} {namespace}/{name} does not exist") from None

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        found = self.objects.get((kind.kind, namespace or "", name))
        return self.filled_in(found) if found else None

    async def list(self, kind: Kind, namespace: str | None = None, labels: str | None = None) -> list[Object]:
        items, _ = await self.list_from(kind, namespace, labels)
        return self.given(kind, items)

    def acts_on(self, kind: Kind, item: Object) -> bool:
        return bool(self.given(kind, [item]))

    async def list_from(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None
    ) -> tuple[list[Object], str]:
        found = [
            self.filled_in(one)
            for (of_kind, space, _), one in self.objects.items()
            if of_kind == kind.kind and namespace in {None, space} and fits(one, labels)
        ]
        return found, str(self.version)

    async def pages(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[list[Object]]:
        items = await self.list(kind, namespace)
        for at in range(0, max(len(items), 1), 2):
            yield items[at : at + 2]

    async def apply(self, manifest: Object, *, manager: str = "sluice", force: bool = True) -> Object:
        await self._pass("before", manifest)
        old = self.objects.get(self._key(manifest))
        if old:
            self._fence(old, manifest)
        return await self._put("apply", merged(old, manifest) if old else manifest)

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, body: Object, *, subresource: str | None = None
    ) -> Object:
        await self._pass("before", {"kind": kind.kind})
        old = await self.get(kind, name, namespace)
        self._fence(old, body)
        return await self._put("write status of" if subresource else "patch", merged(old, body))

    async def create(self, manifest: Object) -> Object:
        await self._pass("before", manifest)
        if self._key(manifest) in self.objects:
            raise ConflictError(f"{self._key(manifest)} exists")
        return await self._put("create", manifest)

    async def replace(self, kind: Kind, manifest: Object) -> Object:
        meta = manifest["metadata"]
        await self._pass("before", manifest)
        if self._key(manifest) not in self.objects and meta.get("uid"):
            raise ConflictError(f"{kind.kind} {meta['name']}: Precondition failed: UID in object meta: ")
        self._fence(await self.get(kind, meta["name"], meta.get("namespace")), manifest)
        return await self._put("replace", manifest)

    async def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        self.vanish(kind, name, namespace or "")

    async def resource_for(self, api_version: str, kind: str) -> Kind:
        return KINDS[kind]

    async def versions_of(self, group: str) -> tuple[str, ...]:
        return ()

    async def watch(
        self, kind: Kind, resource_version: str, namespace: str | None = None, labels: str | None = None
    ) -> AsyncIterator[Change]:
        queue: asyncio.Queue[Change] = asyncio.Queue()
        for one in await self.list(kind, namespace, labels):
            if int(one["metadata"]["resourceVersion"]) > int(resource_version):
                queue.put_nowait(Change("MODIFIED", one))
        entry = (kind.kind, namespace, labels, queue)
        self.watchers.append(entry)
        try:
            while True:
                yield await queue.get()
        finally:
            self.watchers.remove(entry)

    async def close(self) -> None:
        """Nothing is open."""

    def add(self, *manifests: Object) -> None:
        """Put objects there as somebody else would, unseen by hooks and acts."""
        for manifest in manifests:
            self._store(copied(manifest))

    def vanish(self, kind: Kind, name: str, namespace: str) -> None:
        """Take an object away as somebody else would."""
        gone = self.objects.pop((kind.kind, namespace, name), None)
        if gone:
            self.version += 1
            gone["metadata"]["resourceVersion"] = str(self.version)
            self._tell("DELETED", gone)

    def now(self, kind: str, name: str, namespace: str) -> Object:
        """An object as it is."""
        return self.objects[(kind, namespace, name)]

    def pods(self, workload: str, namespace: str) -> list[Object]:
        """The pods of a workload, by its name."""
        keys = [key for key in self.objects if key[:2] == ("Pod", namespace) and key[2].startswith(f"{workload}-pod-")]
        return [self.objects[key] for key in keys]

    async def _pass(self, when: str, item: Object) -> None:
        if self.gate is not None and item["kind"] not in ASIDE:
            await self.gate(when, item)

    async def _put(self, verb: str, manifest: Object) -> Object:
        wanted = copied(manifest)
        if wanted["kind"] in ASIDE:
            return copied(self._store(wanted))
        known = self.objects.get(self._key(wanted))
        for hook in self.hooks:
            hook("before", verb, wanted)
        if self.objects.get(self._key(wanted)) is not known:  # a hook is somebody who was quicker
            raise ConflictError(f"{wanted['kind']} {wanted['metadata']['name']} moved on")
        self.acts.append(told_of(verb, wanted))
        stored = self._store(wanted)
        for hook in self.hooks:
            hook("after", verb, stored)
        stored = self.filled_in(stored)
        await self._pass("after", stored)
        return stored

    def _store(self, wanted: Object) -> Object:
        key = self._key(wanted)
        old = self.objects.get(key)
        meta = wanted["metadata"]
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        meta.setdefault("uid", f"uid-{self.version}")
        # A write is compared with what was there as this server reads it.
        same = old is not None and self.filled_in(old).get("spec") == self.filled_in(wanted).get("spec")
        meta["generation"] = old["metadata"]["generation"] + (0 if same else 1) if old else 1
        if wanted["kind"] in CONTROLLERS:
            self._run(wanted)
        if wanted["kind"] == "HTTPRoute":
            wanted["status"] = acknowledged(wanted)
        self.objects[key] = wanted
        if wanted["kind"] in {"Service", *CONTROLLERS}:
            for one in slices(self.objects, meta["namespace"]):
                self._store(one)
        self._tell("MODIFIED" if old else "ADDED", wanted)
        return wanted

    def _run(self, workload: Object) -> None:
        """What the workload's controller and the kubelet do."""
        name, namespace = workload["metadata"]["name"], workload["metadata"]["namespace"]
        pods = self.pods(name, namespace)
        for pod in pods:
            del self.objects[self._key(pod)]
        broken = {str(image_of(workload["spec"]))} if name in self.unready else set()
        for pod in CONTROLLERS[workload["kind"]](workload, pods, self.broken_images | broken):
            self.objects[self._key(pod)] = pod
        kept = history_of(workload)
        self.objects.setdefault(self._key(kept), kept)

    def _tell(self, type_: str, item: Object) -> None:
        key = self._key(item)
        for kind, namespace, labels, queue in self.watchers:
            if kind == key[0] and namespace in {None, key[1]} and fits(item, labels):
                queue.put_nowait(Change(type_, self.filled_in(item)))

    @staticmethod
    def _key(item: Object) -> Key:
        return (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])

    @staticmethod
    def _fence(old: Object, body: Object) -> None:
        asked = (body.get("metadata") or {}).get("resourceVersion")
        if asked and asked != old["metadata"]["resourceVersion"]:
            raise ConflictError(f"{old['kind']} {old['metadata']['name']} moved on")


@dataclass
class MemoryRoute:
    """A router over a MemoryCluster's pods whose shifts are acts of that cluster.

    Attributes:
        weights: the canary's weight by the Canary's name.
        shares: what each Service got at the last shift, percent.
    """

    cluster: MemoryCluster
    weights: dict[str, int] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    check: Callable[[], None] = lambda: None
    apex: bool = False

    def written_by(self, writer: Writer) -> MemoryRoute:
        """The same route, for one actor."""
        return replace(self, check=writer.check)

    async def ensure(self, canary: Canary, target: Object) -> None:
        now = await self.weight(canary)
        traffic = due(canary, now)
        if now is None and traffic is not None:
            self.weights[canary.name] = traffic.canary
        elif traffic is not None and now != traffic.canary:
            await self.shift(canary, traffic)

    async def fence_out(self, canary: Canary) -> None:
        """Its writes are checked against the lease alone."""

    async def release(self, canary: Canary) -> None:
        self.weights.pop(canary.name, None)

    async def weight(self, canary: Canary) -> int | None:
        return self.weights.get(canary.name)

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        if canary.name not in self.weights:
            raise NotFoundError(f"no route for {canary}")
        self.check()
        weight, shares = traffic.canary, {f"{canary.service_name}-baseline": 0, **split(canary, traffic)}
        told = {"kind": "Route", "weight": weight, "shares": shares}
        for hook in self.cluster.hooks:
            hook("before", "shift", told)
        if canary.name not in self.weights:
            raise NotFoundError(f"no route for {canary}: it was deleted in this moment")
        if self.weights[canary.name] != weight:
            self.cluster.acts.append(f"shift to {weight}")
        self.weights[canary.name] = weight
        self.shares |= shares
        for hook in self.cluster.hooks:
            hook("after", "shift", told)


@dataclass
class MemoryServices:
    """Services that offer a MemoryCluster's pods as soon as they are there."""

    cluster: MemoryCluster

    async def ensure(self, canary: Canary, target: Object, **how: Any) -> int:
        """Nothing has to be made: pods are found by their labels."""
        return canary.spec.service.port

    async def settle(self, canary: Canary, target: Object, **how: Any) -> None:
        """Nothing has to be taken away."""

    async def held(self, canary: Canary, target: Object, **how: Any) -> frozenset[str]:
        """Nobody turns them."""
        return frozenset()

    async def leads_home(self, canary: Canary, target: Object) -> bool:
        """There is no apex Service."""
        return False

    async def surplus(self, canary: Canary, target: Object, keep: Set[int]) -> bool:
        return False

    async def was_otherwise(self, canary: Canary, *, apex: bool) -> bool:
        return False

    async def release(self, canary: Canary) -> None:
        """Nothing was taken over."""

    async def ask_for_endpoints(self, canary: Canary, side: Side) -> None:
        """Nothing lags here."""

    async def check_side(self, canary: Canary, side: Side) -> None:
        """Nobody else has one."""

    async def users_meet(self, canary: Canary, side: Side) -> frozenset[str]:
        return await self.endpoints(canary, side)

    async def endpoints(self, canary: Canary, side: Side) -> frozenset[str]:
        label = {Side.PRIMARY: canary.primary, Side.BASELINE: canary.baseline}.get(side, canary.target)
        return ready_addresses(await self.cluster.list(kinds.POD, canary.namespace, f"app={label}"))
