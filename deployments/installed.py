"""The routers and metrics providers of this installation: sluice's own, and those that installed packages bring.

An entry point's name is what a manifest says (`spec.provider` of a Canary, `spec.provider.type` of a MetricTemplate).
"""

from __future__ import annotations

from blocks import metrics, routers
from deployments.extensions import load

ROUTERS, METRICS = "sluice.routers", "sluice.metrics"
"""Groups of entry points."""


def all_routers() -> dict[str, routers.Row]:
    """By `spec.provider`: what makes a router from a Writer.

    Raises:
        TerminalError: an installed package's router cannot be loaded.
    """
    return load(ROUTERS, routers.ROUTERS, fits=lambda name, row: callable(row))


def all_providers() -> dict[str, metrics.Row]:
    """By `spec.provider.type`: what makes a Provider from an Endpoint.

    Raises:
        TerminalError: an installed package's provider cannot be loaded.
    """
    return load(METRICS, metrics.PROVIDERS, fits=lambda name, row: callable(row))
