"""Services."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, spec_of, status_of, working


def health(item: Object) -> Health:
    """It has its address; one of type LoadBalancer has one outside as well."""
    spec = spec_of(item)
    kind = spec.get("type", "ClusterIP")
    if kind == "ExternalName":
        return READY
    if not spec.get("clusterIP"):
        return working("it has no clusterIP yet")
    if kind == "LoadBalancer" and not (status_of(item).get("loadBalancer") or {}).get("ingress"):
        return working("its load balancer has no address yet")
    return READY
