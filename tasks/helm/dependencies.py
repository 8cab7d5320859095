"""What a HelmRelease waits for: other HelmReleases that have to be ready."""

from __future__ import annotations

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import HELM_RELEASE
from sluice.errors import InvalidError
from sluice.expressions import holds
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.helm.release import HelmRelease


async def awaited(cluster: Cluster, release: HelmRelease) -> str:
    """The first dependency that is not ready, in a sentence; empty where all are.

    Raises:
        InvalidError: the release depends on itself, or an expression is none.
    """
    for one in release.spec.depends_on:
        namespace = one.namespace or release.namespace
        if (namespace, one.name) == (release.namespace, release.name):
            raise InvalidError("spec.dependsOn names the release itself")
        found = await cluster.find(HELM_RELEASE, one.name, namespace)
        if found is None:
            return f"unable to get '{namespace}/{one.name}' dependency: it does not exist"
        if one.ready_expr:
            mine = await cluster.get(HELM_RELEASE, release.name, release.namespace)
            if not holds(one.ready_expr, {"self": mine, "dep": found}):
                return f"dependency '{namespace}/{one.name}' is not ready according to readyExpr eval"
            continue
        other = HelmRelease.parse(found)
        ready = find_condition(other.status.conditions, READY)
        seen = other.status.observed_generation == other.metadata.generation
        if not (seen and ready is not None and ready.status == "True"):
            return f"dependency '{namespace}/{one.name}' is not ready"
    return ""
