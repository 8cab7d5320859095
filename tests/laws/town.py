"""A cluster in memory in which people live: Services offer pods, owners take what they own with them, kinds are defaulted.

`MemoryCluster` has what sluice writes; a town has what the cluster and its people make of it as well, so that
what users meet can be read from it at any moment. It can be away, be late with its news, and refuse what it is asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import WORKLOAD_KINDS
from sluice.errors import InvalidError, TransientError
from tests.memory_cluster import KINDS as FIRST_KINDS
from tests.memory_cluster import MemoryCluster
from tests.memory_endpoints import slices
from tests.memory_workloads import CONTROLLERS
from tests.samples import copied

Object = dict[str, Any]
KINDS = {**FIRST_KINDS, **WORKLOAD_KINDS}
BEGAN_TO_GO = "2026-01-01T00:00:00Z"
ELSEWHERE = "uid-elsewhere"
"""The owner of what is somebody else's."""


class Crash(BaseException):
    """The process is gone: no cleanup of anybody's runs because of it."""


@dataclass
class Town(MemoryCluster):
    """A cluster with the controllers that stand between what is written and what users meet.

    Attributes:
        defaults: what the API server adds to each container that it stores, as a newer one does after an upgrade.
        orphaned: whether what was owned by a deleted object is still there: garbage collection takes its time.
        dead: the process that asks is gone: nothing that its code still does arrives.
        away_until: by the loop's clock; a request before that gets no answer.
        late_until: by the loop's clock; watches bring no news before.
        refused: a kind, and until when an admission webhook lets nobody write it.
    """

    defaults: Object = field(default_factory=dict)
    orphaned: bool = False
    dead: bool = False
    away_until: float = 0.0
    late_until: float = 0.0
    refused: tuple[str, float] = ("", 0.0)
    _news: list[tuple[str, Object]] = field(default_factory=list)

    # --- what is asked ------------------------------------------------------------------------------------------------

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        self._answers()
        return await super().get(kind, name, namespace)

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        self._answers()
        return await super().find(kind, name, namespace)

    async def list_from(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None
    ) -> tuple[list[Object], str]:
        self._answers()
        return await super().list_from(kind, namespace, labels)

    async def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        self._answers(kind.kind)
        await super().delete(kind, name, namespace)

    async def _pass(self, when: str, item: Object) -> None:
        if when == "before":
            self._answers(item["kind"])
        await super()._pass(when, item)

    def _answers(self, written: str = "") -> None:
        if self.dead:
            raise Crash
        if clock() < self.away_until:
            raise TransientError("the API server does not answer")
        if written and written == self.refused[0] and clock() < self.refused[1]:
            raise InvalidError(f'admission webhook "policy.example.test" denied the request: no {written} now')

    # --- what the cluster makes of it -----------------------------------------------------------------------------------

    def _store(self, wanted: Object) -> Object:
        if self.defaults and wanted["kind"] in CONTROLLERS:
            for container in wanted["spec"]["template"]["spec"]["containers"]:
                for key, value in self.defaults.items():
                    container.setdefault(key, value)
        stored = super()._store(wanted)
        meta = stored["metadata"]
        # Written by somebody who has not seen yet that its owner is gone: the collector finds that one, too.
        self.orphaned = self.orphaned or self._is_orphan(stored)
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self.vanish(KINDS[stored["kind"]], meta["name"], meta.get("namespace", ""))
        return stored

    def _tell(self, type_: str, item: Object) -> None:
        late = max(self.late_until, self.away_until) - clock()
        if late <= 0 and not self._news:
            super()._tell(type_, item)
            return
        self._news.append((type_, copied(item)))
        asyncio.get_running_loop().call_later(max(late, 0.0) + 0.001, self._catch_up)

    def _catch_up(self) -> None:
        if clock() >= max(self.late_until, self.away_until):
            news, self._news = self._news, []
            for type_, item in news:
                super()._tell(type_, item)

    def vanish(self, kind: Kind, name: str, namespace: str) -> None:
        item = self.objects.get((kind.kind, namespace, name))
        if item and item["metadata"].get("finalizers"):
            going = {**item, "metadata": {"deletionTimestamp": BEGAN_TO_GO, **item["metadata"]}}
            super()._store(copied(going))
            return
        super().vanish(kind, name, namespace)
        self.orphaned = True
        if kind.kind == "Service":
            super().vanish(KINDS["EndpointSlice"], f"{name}-slice", namespace)
        if kind.kind in CONTROLLERS:
            for pod in self.pods(name, namespace):
                self.objects.pop(self._key(pod))
            for one in slices(self.objects, namespace):
                self._store(one)

    def upgrade(self, defaults: Object) -> None:
        """The API server is a newer one from now on: it defaults fields that the older one did not know."""
        self.defaults = defaults
        for (kind, _, _), item in list(self.objects.items()):
            if kind in CONTROLLERS:
                self._store(copied(item))

    def behind(self, service: str, namespace: str) -> list[Object]:
        """The ready pods behind a Service; none where it does not exist."""
        found = self.objects.get(("Service", namespace, service))
        selector = (found or {}).get("spec", {}).get("selector") or {}
        return [
            pod
            for (kind, space, _), pod in self.objects.items()
            if (kind, space) == ("Pod", namespace)
            and selector
            and selector.items() <= pod["metadata"]["labels"].items()
            and pod["status"]["conditions"][0]["status"] == "True"
        ]

    def collect(self) -> None:
        """The garbage collector: what belongs to an object that is gone goes too."""
        lost = [key for key, item in self.objects.items() if key[0] in KINDS and self._is_orphan(item)]
        for kind, namespace, name in lost:
            self.vanish(KINDS[kind], name, namespace)
        self.orphaned = False

    def _is_orphan(self, item: Object) -> bool:
        owners = item["metadata"].get("ownerReferences") or []
        if not owners:
            return False
        living = {one["metadata"].get("uid") for one in self.objects.values()}
        return any(owner.get("uid") not in living for owner in owners)


def clock() -> float:
    """Seconds by the clock of the loop that runs; 0 where none does."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0


def stranger(kind: str, name: str, namespace: str, spec: Object | None = None) -> Object:
    """An object of somebody else's, with an owner that is there as long as it is."""
    owner = {
        "apiVersion": "example.test/v1",
        "kind": "Shop",
        "name": "elsewhere",
        "uid": ELSEWHERE,
        "controller": True,
    }
    return {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}, "ownerReferences": [owner]},
        "spec": spec or {},
    }


def is_strange(item: Object) -> bool:
    """Whether an object is somebody else's; the status of one is its controller's."""
    return any(owner.get("uid") == ELSEWHERE for owner in item["metadata"].get("ownerReferences") or [])
