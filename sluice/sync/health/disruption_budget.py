"""PodDisruptionBudgets."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, count, status_of, working


def health(item: Object) -> Health:
    """As many pods are well as it asks for."""
    status = status_of(item)
    if "observedGeneration" not in status:
        return working("its controller has not seen it yet")
    well, wanted = count(status, "currentHealthy"), count(status, "desiredHealthy")
    return READY if well >= wanted else working(f"{well} of {wanted} pods are well")
