"""A Deployment behind an HTTPRoute with weights, which sluice makes: the ordinary case."""

from __future__ import annotations

from lab.faults.applications.base import Application, Object, Site
from lab.faults.applications.parts import DEPLOYMENT, HTTP_ROUTE, WEIGHTED, gateway_canary, workload


def _manifests(site: Site) -> list[Object]:
    return [workload(site, DEPLOYMENT, replicas=1), gateway_canary(site, DEPLOYMENT)]


GATEWAY_DEPLOYMENT = Application("gateway_deployment", _manifests, DEPLOYMENT, HTTP_ROUTE, WEIGHTED)
