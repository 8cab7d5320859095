"""Prune: delete what an owner applied before and no longer has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import CANARY
from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.sync.applying.wishes import kept_for_all, never_pruned
from sluice.sync.inventory import entry_id
from sluice.sync.objects import ObjectId
from sluice.sync.order import wave_of
from sluice.sync.ownership import Governed, is_owned, owned
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
    users, named = Governed.by(canaries), {entry_id(one) for one in kept}
    # The reverse of how they are applied: definitions and namespaces would take others with them.
    for one in sorted(gone, key=lambda one: (-wave_of(one.kind), not one.namespace)):
        kind = await _kind_of(cluster, one)
        if kind is None:
            # Its definition is gone, and all objects of the kind with it.
            continue
        here = one if kind.namespaced else one.model_copy(update={"namespace": ""})
        if entry_id(here) in named or kept_for_all(here, owner.namespace):
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


async def hand_over(cluster: Cluster, gone: Sequence[ObjectId], owner: Owner) -> list[ObjectId]:
    """Let go of those that another owner has in its inventory as well: it is theirs from now on. Returns the others.

    An object that moves from one to another in git is never deleted on its way. The others are not waited for:
    this comes before anything is applied, so that two that swap objects do not wait for each other.
    """
    wanted = await owner.claimed.wanted(gone)
    for one in gone:
        if entry_id(one) not in wanted:
            continue
        kind = await _kind_of(cluster, one)
        live = await cluster.find(kind, one.name, one.namespace or None) if kind else None
        if kind and live is not None and is_owned(live, owner.namespace, owner.name):
            labels = owned({"metadata": {}}, *wanted[entry_id(one)])["metadata"]["labels"]
            body = {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"], "labels": labels}}
            await cluster.patch(kind, one.name, one.namespace or None, body)
    return [one for one in gone if entry_id(one) not in wanted]


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
