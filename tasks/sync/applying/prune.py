"""Prune: delete what an owner applied before and no longer has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import CANARY
from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.sync.applying.wishes import never_pruned
from sluice.sync.inventory import entry_id
from sluice.sync.objects import ObjectId
from sluice.sync.order import wave_of
from sluice.sync.ownership import Governed, is_owned
from tasks.sync.applying.owner import Owner
from tasks.sync.applying.refused import refusals_explained


async def prune(
    cluster: Cluster, gone: Sequence[ObjectId], owner: Owner, kept: Iterable[ObjectId] = ()
) -> list[ObjectId]:
    """Delete these objects where they are this owner's; returns those that were.

    Args:
        cluster: that they are in.
        gone: what left.
        owner: whose they were.
        kept: what the owner has now. An entry of an inventory may write the identity of one of them in another way.
    """
    pruned: list[ObjectId] = []
    if not gone:
        return pruned
    # A Canary that leaves in the same sync governs nothing any more.
    leaving = {(one.namespace, one.name) for one in gone if one.kind == Canary.kind}
    canaries = [one for one in Canary.valid(await cluster.list(CANARY)) if (one.namespace, one.name) not in leaving]
    users, named, wanted = Governed.by(canaries), {entry_id(one) for one in kept}, await owner.claimed.wanted(gone)
    # The reverse of how they are applied: definitions and namespaces would take others with them.
    for one in sorted(gone, key=lambda one: (-wave_of(one.kind), not one.namespace)):
        kind = await _kind_of(cluster, one)
        if kind is None:
            # Its definition is gone, and all objects of the kind with it.
            continue
        here = one if kind.namespaced else one.model_copy(update={"namespace": ""})
        if entry_id(here) in named or entry_id(one) in wanted:
            continue
        live = await cluster.find(kind, here.name, here.namespace or None)
        # What was to be applied and never was is not ours to delete, although the inventory has it.
        if live is None or never_pruned(live) or users.has(live):
            continue
        if is_owned(live, owner.namespace, owner.name):
            with refusals_explained(live):
                await cluster.delete(kind, here.name, here.namespace or None)
            pruned.append(here)
    return pruned


async def _kind_of(cluster: Cluster, one: ObjectId) -> Kind | None:
    """The kind as the cluster serves it now: the version that it was applied in may be gone, and its objects are not."""
    try:
        return await cluster.resource_for(one.api_version, one.kind)
    except NotFoundError:
        for version in await cluster.versions_of(one.group):
            try:
                return await cluster.resource_for(f"{one.group}/{version}", one.kind)
            except NotFoundError:
                continue
    return None
