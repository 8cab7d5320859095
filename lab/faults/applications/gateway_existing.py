"""An application that had users before it got a Canary: a LoadBalancer Service and an HTTPRoute of its name are there."""

from __future__ import annotations

from lab.faults.applications.base import Application, Object, Site
from lab.faults.applications.parts import (
    DEPLOYMENT,
    HTTP_ROUTE,
    WEIGHTED,
    gateway_canary,
    plain_way_in,
    workload,
)


def _manifests(site: Site) -> list[Object]:
    return [
        workload(site, DEPLOYMENT, replicas=1),
        *plain_way_in(site, {"app": site.app}, type="LoadBalancer"),
        gateway_canary(site, DEPLOYMENT),
    ]


GATEWAY_EXISTING = Application("gateway_existing", _manifests, DEPLOYMENT, HTTP_ROUTE, WEIGHTED)
