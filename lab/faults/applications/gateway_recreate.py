"""A Deployment that is replaced by Recreate: all old pods end before a new one is started."""

from __future__ import annotations

from lab.faults.applications.base import Application, Object, Site
from lab.faults.applications.parts import DEPLOYMENT, HTTP_ROUTE, WEIGHTED, gateway_canary, workload


def _manifests(site: Site) -> list[Object]:
    target = workload(site, DEPLOYMENT, replicas=1, strategy={"type": "Recreate"})
    return [target, gateway_canary(site, DEPLOYMENT)]


GATEWAY_RECREATE = Application("gateway_recreate", _manifests, DEPLOYMENT, HTTP_ROUTE, WEIGHTED)
