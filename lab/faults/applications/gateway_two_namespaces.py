"""A Deployment with a twin: an application of the same name in a second namespace, released at the same time otherwise.

Where one of them is good and the other bad, a key without the namespace would judge, move or promote the wrong one.
"""

from __future__ import annotations

from lab.faults.applications.base import Application, Object, Site
from lab.faults.applications.parts import DEPLOYMENT, HTTP_ROUTE, WEIGHTED, gateway_canary, workload


def _manifests(site: Site) -> list[Object]:
    return [workload(site, DEPLOYMENT, replicas=1), gateway_canary(site, DEPLOYMENT)]


GATEWAY_TWO_NAMESPACES = Application("gateway_two_namespaces", _manifests, DEPLOYMENT, HTTP_ROUTE, WEIGHTED, twin=True)
