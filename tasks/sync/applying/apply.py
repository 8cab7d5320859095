"""Apply: bring objects to the cluster server-side, wave by wave, and leave alone what is not ours to write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import CANARY
from sluice.errors import TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.workloads import WORKLOADS
from sluice.sync.objects import left_alone
from sluice.sync.order import waves
from sluice.sync.ownership import Governed, is_target, rollout_targets
from tasks.sync.applying.needed import needed
from tasks.sync.applying.rights import rights_explained

Object = dict[str, Any]
AT_ONCE = 16
"""Objects that are applied at the same time: below what API servers give one client."""
MANAGER = "sluice"
SERVED_WITHIN, LOOK = 10.0, 0.05
"""Seconds until the API server should serve a new definition, and between two looks."""


async def apply(cluster: Cluster, objects: Sequence[Object]) -> int:
    """Apply the objects wave by wave; how many were spared because the cluster's own object asks for it.

    Each object of a wave gets its try; a failure among them ends the sync after the wave.
    """
    with rights_explained():
        return await _apply(cluster, objects)


async def _apply(cluster: Cluster, objects: Sequence[Object]) -> int:
    canaries = Canary.valid(await cluster.list(CANARY))
    users = Governed.by(canaries)
    targets = rollout_targets([canary for canary in canaries if canary.spec.target_ref.kind in WORKLOADS])
    room = asyncio.Semaphore(AT_ONCE)

    async def one(manifest: Object) -> bool:
        async with room:
            meta = manifest["metadata"]
            kind = await cluster.resource_for(manifest["apiVersion"], manifest["kind"])
            live = await cluster.find(kind, meta["name"], meta.get("namespace"))
            if live is not None and (left_alone(live) or users.has(live)):
                return False
            if live is not None and is_target(manifest, targets):
                manifest = WORKLOADS[manifest["kind"]].writes.yielding(manifest, live, MANAGER)
            await cluster.apply(manifest, manager=MANAGER)
            if manifest["kind"] == "CustomResourceDefinition":
                await _served(cluster, kind, meta["name"])
            return True

    spared = 0
    for together in waves(await needed(cluster, objects)):
        ends = await asyncio.gather(*(one(manifest) for manifest in together), return_exceptions=True)
        for error in ends:
            if isinstance(error, BaseException):
                raise error
        spared += ends.count(False)
    return spared


async def _served(cluster: Cluster, kind: Kind, name: str) -> None:
    """Wait until the API server serves a definition: objects of its kind may come next.

    Raises:
        TransientError: it takes unusually long.
    """
    for _ in range(int(SERVED_WITHIN / LOOK)):
        conditions = ((await cluster.get(kind, name)).get("status") or {}).get("conditions") or []
        if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return
        await asyncio.sleep(LOOK)
    raise TransientError(f"CustomResourceDefinition {name} is not served after {SERVED_WITHIN:g} s")
