"""A cluster in memory with one FlagRollout, and its flag in a service in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from blocks.leases.lease import acting_under
from sluice.manifests.own.flag_rollout import FlagRollout
from tasks.flags.rollout_scene import FlagRef, lease_for
from tests.connected import Provided, connected
from tests.memory_cluster import MemoryCluster
from tests.memory_flags import MemoryFlags

TEAM, NAME, FLAG = "shop-test", "new-basket", "basket"
REF = FlagRef(namespace=TEAM, name=NAME)
SERVED = {"series": "orders_total", "label": "app", "canary": "shop", "where": {}, "bad": {"code": "5.."}}
METRIC = {"name": "orders", "thresholdRange": {"min": 99}, "counted": SERVED}


def manifest(**spec: Any) -> dict[str, Any]:
    """A FlagRollout in three steps."""
    said: dict[str, Any] = {
        "flag": FLAG,
        "service": {"type": "flipt", "address": "http://flipt.flags"},
        "analysis": {"interval": "2s", "threshold": 2, "stepWeights": [10, 50], "metrics": [METRIC]},
    }
    meta = {"name": NAME, "namespace": TEAM, "uid": "u-1", "resourceVersion": "1", "generation": 1}
    return {"apiVersion": "sluice.dev/v1alpha1", "kind": "FlagRollout", "metadata": meta, "spec": said | spec}


class Chat:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    async def say(self, message: Any) -> None:
        self.said.append(message)


class Open:
    """Gates that are open, but for those of the types in `closed`."""

    def __init__(self) -> None:
        self.closed: set[str] = set()
        self.asked: list[str] = []

    async def ask(self, webhook: Any, canary: Any) -> Any:
        from blocks.gates.base import Answer

        self.asked.append(webhook.type)
        return Answer(gate=webhook.name, open=webhook.type not in self.closed, said="closed")


class Ground:
    """What a test looks at and changes."""

    def __init__(self, cluster: MemoryCluster, service: MemoryFlags, metrics: Any) -> None:
        self.cluster, self.service, self.metrics = cluster, service, metrics
        self.chat, self.gates = Chat(), Open()

    @property
    def rollout(self) -> FlagRollout:
        return FlagRollout.parse(self.cluster.objects[("FlagRollout", TEAM, NAME)])

    @property
    def events(self) -> list[str]:
        """Reason and message of each Event, in the order in which they came."""
        found = [one for (kind, _, _), one in self.cluster.objects.items() if kind == "Event"]
        return [f"{one['reason']}: {one['message']}" for one in found]

    @property
    def share(self) -> float:
        """Percent of users who have it now."""
        served = self.service.flags_by_key[FLAG].served()
        if served.everybody is not None:
            return 100.0 if served.everybody == "true" else 0.0
        return served.shares["true"]

    @asynccontextmanager
    async def wired(self, name: str = "test") -> AsyncIterator[Any]:
        """One process's life."""

        async def flags(reference: Any, namespace: str) -> MemoryFlags:
            return self.service

        parts: dict[str, Any] = {
            "flags": flags,
            "metrics": Provided(self.metrics),
            "gates": self.gates,
            "chat": self.chat,
            "router": None,
        }
        async with connected(self.cluster, name, **parts) as wired:
            yield wired

    @asynccontextmanager
    async def acting(self) -> AsyncIterator[Any]:
        """One process's life, under the FlagRollout's Lease."""
        async with self.wired() as wired:
            lease = lease_for(wired, REF, "test")
            assert await lease.try_claim()
            with acting_under(lease):
                yield wired


def ground(metrics: Any = None, **spec: Any) -> Ground:
    """A flag that is off, and a FlagRollout of it."""
    made = Ground(MemoryCluster(), MemoryFlags(), metrics)
    made.cluster.objects[("FlagRollout", TEAM, NAME)] = manifest(**spec)
    made.service.has(FLAG)
    return made
