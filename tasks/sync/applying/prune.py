"""Prune: delete what an owner applied before and no longer has."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY
from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.sync.objects import ObjectId, never_pruned
from sluice.sync.ownership import Governed, is_owned
from tasks.sync.applying.rights import rights_explained


async def prune(cluster: Cluster, gone: Sequence[ObjectId], namespace: str, name: str) -> int:
    """Delete these objects where they are this owner's; returns how many were.

    Args:
        cluster: that they are in.
        gone: what left.
        namespace: the owner's.
        name: the owner's.
    """
    with rights_explained():
        return await _prune(cluster, gone, namespace, name)


async def _prune(cluster: Cluster, gone: Sequence[ObjectId], namespace: str, name: str) -> int:
    pruned = 0
    # A Canary that leaves in the same sync governs nothing any more.
    leaving = {(one.namespace, one.name) for one in gone if one.kind == Canary.kind}
    canaries = [one for one in Canary.valid(await cluster.list(CANARY)) if (one.namespace, one.name) not in leaving]
    users = Governed.by(canaries)
    # What has a namespace goes before definitions and namespaces, which would take it with them.
    for one in sorted(gone, key=lambda one: not one.namespace):
        try:
            kind = await cluster.resource_for(one.api_version, one.kind)
        except NotFoundError:
            # Its definition is gone, and all objects of the kind with it.
            continue
        live = await cluster.find(kind, one.name, one.namespace or None)
        # What was to be applied and never was is not ours to delete, although the inventory has it.
        if live is None or never_pruned(live) or users.has(live):
            continue
        if is_owned(live, namespace, name):
            await cluster.delete(kind, one.name, one.namespace or None)
            pruned += 1
    return pruned
