"""What this installation has besides sluice's own: rows of installed packages, one group of entry points for each axis.

An entry point's name is what a manifest says: `spec.provider` of a Canary for routers and data planes, `spec.provider.type`
of a MetricTemplate for metrics providers, the scheme of a webhook's `url` for gates. A stage is known by its name only.
Senders are loaded where webhooks enter (`deployments/doors/senders.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blocks import metrics, routers
from blocks.gates import table as gates
from deployments.extensions import load
from sluice.measures import dataplanes
from sluice.measures.dataplanes.base import Row as DataPlaneRow
from tasks.rollout import table as stages

ROUTERS, METRICS, DATAPLANES = "sluice.routers", "sluice.metrics", "sluice.dataplanes"
GATES, STAGES = "sluice.gates", "sluice.stages"
"""Groups of entry points."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


def all_routers() -> dict[str, routers.Row]:
    """By `spec.provider`: what makes a router from a Writer.

    Raises:
        TerminalError: an installed package's router cannot be loaded.
    """
    return load(ROUTERS, routers.ROUTERS, fits=lambda name, row: callable(row))


def all_dataplanes() -> dict[str, DataPlaneRow]:
    """By `spec.provider`: how requests are counted behind that router.

    Raises:
        TerminalError: an installed package's data plane cannot be loaded.
    """
    return load(DATAPLANES, dataplanes.DATAPLANES, fits=dataplanes.fits)


def all_providers() -> dict[str, metrics.Row]:
    """By `spec.provider.type`: what makes a Provider from an Endpoint.

    Raises:
        TerminalError: an installed package's provider cannot be loaded.
    """
    return load(METRICS, metrics.PROVIDERS, fits=lambda name, row: callable(row))


def all_gates() -> dict[str, gates.Row]:
    """By the scheme of a webhook's `url`: what makes a gate from the connections that gates share.

    Raises:
        TerminalError: an installed package's gate cannot be loaded.
    """
    return load(GATES, gates.GATES, fits=lambda name, row: callable(row) and _SCHEME.fullmatch(name) is not None)


def own_stages() -> list[stages.OwnStage]:
    """The stages that installed packages bring, in the order of their names.

    Raises:
        TerminalError: an installed package's stage cannot be loaded.
    """
    none: dict[str, stages.OwnStage] = {}
    return list(load(STAGES, none, fits=stages.fits).values())


@dataclass(frozen=True, slots=True)
class Installed:
    """All that this installation has on the axes that packages may add to."""

    routers: Mapping[str, routers.Row]
    dataplanes: Mapping[str, DataPlaneRow]
    providers: Mapping[str, metrics.Row]
    gates: Mapping[str, gates.Row]
    stages: Sequence[stages.OwnStage]

    @classmethod
    def load(cls) -> Installed:
        """Load every package, before anything is connected.

        Raises:
            TerminalError: one of them cannot be loaded; the message names it.
        """
        return cls(all_routers(), all_dataplanes(), all_providers(), all_gates(), own_stages())
