"""An application that had users before it got a Canary: a LoadBalancer Service and an HTTPRoute of its name are there."""

from __future__ import annotations

from lab.faults.applications.base import Application, Object, Site
from lab.faults.applications.parts import (
    CONTAINER_PORT,
    DEPLOYMENT,
    HTTP_ROUTE,
    PORT,
    WEIGHTED,
    gateway_canary,
    workload,
)


def _manifests(site: Site) -> list[Object]:
    ports = [{"name": "http", "port": PORT, "targetPort": CONTAINER_PORT}]
    service = {"type": "LoadBalancer", "selector": {"app": site.app}, "ports": ports}
    backends = [{"name": site.app, "port": PORT}]
    route = {"parentRefs": [site.gateway], "hostnames": [site.host], "rules": [{"backendRefs": backends}]}
    return [
        workload(site, DEPLOYMENT, replicas=1),
        {"apiVersion": "v1", "kind": "Service", "metadata": site.meta, "spec": service},
        {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.kind, "metadata": site.meta, "spec": route},
        gateway_canary(site, DEPLOYMENT),
    ]


GATEWAY_EXISTING = Application("gateway_existing", _manifests, DEPLOYMENT, HTTP_ROUTE, WEIGHTED)
