"""Leave: the end of a Kustomization that somebody has deleted, and of what it applied, as its deletionPolicy says.

Flux's finalizer keeps it until then, so that what it applied does not outlive it unseen.
"""

from __future__ import annotations

import asyncio
import contextlib

from blocks.connections import Connections, connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import ConflictError, NotFoundError
from sluice.manifests.flux.kustomization import FINALIZER, DeletionPolicy, Kustomization
from sluice.sync.inventory import departed
from sluice.sync.objects import ObjectId
from tasks.stage import stage
from tasks.sync.applying.owner import Owner
from tasks.sync.applying.prune import prune
from tasks.sync.kustomizations.claims import Claims
from tasks.sync.kustomizations.status import OvertakenError, Status
from tasks.sync.kustomizations.synced import Synced
from tasks.sync.kustomizations.target import target
from tasks.sync.kustomizations.turns import turn

LOOK = 0.5
"""Seconds between two looks whether an object is gone."""


@stage("clean up", run_name="clean up after {namespace}/{name}")
async def leave(namespace: str, name: str) -> Synced:
    """Delete what a deleted Kustomization applied, where that is wanted, and let go of it.

    Raises:
        TerminalError, TransientError: an object cannot be deleted; the Kustomization stays until it can.
    """
    wired = connections()
    async with turn(f"{namespace}/{name}"):
        return await _leave(wired, namespace, name)


async def _leave(wired: Connections, namespace: str, name: str) -> Synced:
    found = await wired.cluster.find(KUSTOMIZATION, name, namespace)
    if found is None:
        return Synced(note="it is gone")
    if not wired.cluster.acts_on(KUSTOMIZATION, found):
        return Synced(note="it is left to Flux")
    one = Kustomization.parse(found)
    if not one.leaving or FINALIZER not in one.metadata.finalizers:
        return Synced(note="it is not being deleted")
    pruned = await _clean(wired, one) if one.spec.deletes else []
    with contextlib.suppress(NotFoundError):
        await release(wired.cluster, one)
    return Synced(pruned=len(pruned))


async def _clean(wired: Connections, one: Kustomization) -> list[ObjectId]:
    owner = Owner(one.namespace, one.name, Claims(wired.cluster, one))
    status = Status.read_from(wired.cluster, one)
    async with target(wired, one) as cluster:
        pruned = await prune(cluster, departed(one.status.inventory, ()), owner)
        if one.spec.deletion_policy is DeletionPolicy.WAIT_FOR_TERMINATION:
            left = await _terminated(cluster, pruned, one.spec.patience)
            if left:
                await status.say("TerminationTimeout", f"still there: {', '.join(map(str, left[:10]))}", warning=True)
    return pruned


async def _terminated(cluster: Cluster, pruned: list[ObjectId], patience: float) -> list[ObjectId]:
    """Wait until these are gone; those that are still there when patience ends."""
    left = list(pruned)
    try:
        async with asyncio.timeout(patience):
            while left:
                left = [one for one in left if await _there(cluster, one)]
                if left:
                    await asyncio.sleep(LOOK)
    except TimeoutError:
        return left
    return []


async def _there(cluster: Cluster, one: ObjectId) -> bool:
    try:
        kind = await cluster.resource_for(one.api_version, one.kind)
    except NotFoundError:
        return False
    return await cluster.find(kind, one.name, one.namespace or None) is not None


async def keep(home: Cluster, one: Kustomization) -> Kustomization:
    """The Kustomization with the finalizer, which is set before anything is applied.

    Raises:
        OvertakenError: somebody wrote to it since it was read.
    """
    if FINALIZER in one.metadata.finalizers:
        return one
    return await _write(home, one, [*one.metadata.finalizers, FINALIZER])


async def release(home: Cluster, one: Kustomization) -> None:
    """Take the finalizer away: then the API server deletes the Kustomization."""
    await _write(home, one, [name for name in one.metadata.finalizers if name != FINALIZER])


async def _write(home: Cluster, one: Kustomization, finalizers: list[str]) -> Kustomization:
    body = {"metadata": {"resourceVersion": one.metadata.resource_version, "finalizers": finalizers}}
    try:
        return Kustomization.parse(await home.patch(KUSTOMIZATION, one.name, one.namespace, body))
    except ConflictError as error:
        raise OvertakenError(str(error)) from error
