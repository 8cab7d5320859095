"""Which Service behind a route gets how much of the traffic."""

from __future__ import annotations

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.comparison import BASELINE_UP_TO
from sluice.rollout.strategies.base import Traffic


def split(canary: Canary, traffic: Traffic) -> dict[str, int]:
    """What each Service behind the route gets, percent.

    The baseline gets as much as the canary, from the primary's share. While the canary carries a promotion it gets nothing.
    """
    name, weight = canary.service_name, traffic.canary
    if not canary.compared:
        return {f"{name}-primary": 100 - weight, f"{name}-canary": weight}
    baseline = weight if weight <= BASELINE_UP_TO else 0
    return {f"{name}-primary": 100 - weight - baseline, f"{name}-canary": weight, f"{name}-baseline": baseline}
