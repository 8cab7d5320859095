"""Who gets how much of the traffic at which weight of the canary."""

from __future__ import annotations

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.comparison import BASELINE_UP_TO


def split(canary: Canary, weight: int) -> dict[str, int]:
    """What each Service behind the route gets, percent, where the canary gets `weight`.

    The baseline gets as much as the canary, from the primary's share. While the canary carries a promotion it gets nothing.
    """
    name = canary.service_name
    if not canary.compared:
        return {f"{name}-primary": 100 - weight, f"{name}-canary": weight}
    beside = weight if weight <= BASELINE_UP_TO else 0
    return {f"{name}-primary": 100 - weight - beside, f"{name}-canary": weight, f"{name}-baseline": beside}
