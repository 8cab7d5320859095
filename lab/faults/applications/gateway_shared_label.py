"""A Deployment whose label `app` other pods have as well: only its second label, the instance, tells them apart.

The neighbour is nobody's Canary: one Deployment with the target's `app`, one with the primary's, behind one Service.
"""

from __future__ import annotations

from lab.faults.applications.base import INSTANCE, PRIMARY, Application, Object, Site
from lab.faults.applications.parts import (
    DEPLOYMENT,
    HTTP_ROUTE,
    WEIGHTED,
    gateway_canary,
    plain_way_in,
    workload,
)


def _manifests(site: Site) -> list[Object]:
    mine, other = {INSTANCE: site.app}, {INSTANCE: site.neighbour.app}
    as_target = workload(site.neighbour, DEPLOYMENT, {"app": site.app, **other}, replicas=1)
    as_primary = workload(site.neighbour, DEPLOYMENT, {"app": f"{site.app}-{PRIMARY}", **other}, replicas=1)
    as_primary["metadata"] = {**site.neighbour.meta, "name": f"{site.neighbour.app}-{PRIMARY}"}
    return [
        workload(site, DEPLOYMENT, {"app": site.app, **mine}, replicas=1),
        as_target,
        as_primary,
        *plain_way_in(site.neighbour, other),
        gateway_canary(site, DEPLOYMENT),
    ]


GATEWAY_SHARED_LABEL = Application("gateway_shared_label", _manifests, DEPLOYMENT, HTTP_ROUTE, WEIGHTED, neighbour=True)
