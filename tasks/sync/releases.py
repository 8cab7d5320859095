"""Releases that a health check waits for: the Canaries that it names, with what their targets hold now."""

from __future__ import annotations

from typing import Any

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import WORKLOAD_KINDS
from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.workloads import WORKLOADS
from sluice.sync.health.base import Health, broken, working
from sluice.sync.kustomizations.releases import released


async def release_of(cluster: Cluster, item: dict[str, Any]) -> Health:
    """How the release of a Canary is.

    A Canary says `Succeeded` of the last release until its controller has seen the next one, so what its target holds is
    looked at too: else a sync would be ready before the release that it caused has begun.
    """
    try:
        canary = Canary.parse(item)
    except InvalidError as error:
        return broken(str(error))
    kind = canary.spec.target_ref.kind
    if kind not in WORKLOADS:
        return broken(f"its target is a {kind}")
    target = await cluster.find(WORKLOAD_KINDS[kind], canary.spec.target_ref.name, canary.namespace)
    if target is None:
        return working(f"its target, {kind} {canary.spec.target_ref.name}, is not there")
    return released(item, WORKLOADS[kind].revision(canary, target))
