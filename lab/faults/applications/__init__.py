"""The shapes of applications that are released: one file each, and this table."""

from __future__ import annotations

import random
from collections.abc import Sequence

from lab.faults.applications.base import Application
from lab.faults.applications.gateway_autoscaled import GATEWAY_AUTOSCALED
from lab.faults.applications.gateway_daemonset import GATEWAY_DAEMONSET
from lab.faults.applications.gateway_deployment import GATEWAY_DEPLOYMENT
from lab.faults.applications.gateway_existing import GATEWAY_EXISTING
from lab.faults.applications.gateway_recreate import GATEWAY_RECREATE
from lab.faults.applications.gateway_shared_label import GATEWAY_SHARED_LABEL
from lab.faults.applications.gateway_two_namespaces import GATEWAY_TWO_NAMESPACES
from lab.faults.applications.service_blue_green import SERVICE_BLUE_GREEN

APPLICATIONS: dict[str, Application] = {
    one.name: one
    for one in (
        GATEWAY_DEPLOYMENT,
        GATEWAY_DAEMONSET,
        GATEWAY_EXISTING,
        GATEWAY_RECREATE,
        GATEWAY_AUTOSCALED,
        GATEWAY_SHARED_LABEL,
        GATEWAY_TWO_NAMESPACES,
        SERVICE_BLUE_GREEN,
    )
}
"""Name → shape."""


def shape_of(seed: int, app: str, among: Sequence[str] = tuple(APPLICATIONS)) -> str:
    """The shape that an application has in all rounds of a seed, however many others there are."""
    return random.Random(f"{seed}/{app}/shape").choice(sorted(among))
