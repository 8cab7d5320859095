"""All that a run of a HelmRelease stands on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from blocks.connections import Connections
from blocks.helm.passage import Rules
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY
from sluice.helm.decision import Step, Wanted
from sluice.helm.objects.health import expressions_of
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.rollout.workloads import WORKLOADS
from sluice.sync.objects import ObjectId
from sluice.sync.ownership import Governed, rollout_targets
from tasks.helm.chart import Chart

KNOWN_FOR = 2.0
"""Seconds that what Canaries govern is taken for known."""


@dataclass(slots=True)
class Owned:
    """What rollouts own in a cluster, looked up when it is asked for."""

    cluster: Cluster
    _known: tuple[Governed, frozenset[ObjectId]] | None = None
    _at: float = 0.0

    async def __call__(self) -> tuple[Governed, frozenset[ObjectId]]:
        """What Canaries govern, and their targets."""
        if self._known is None or time.monotonic() - self._at > KNOWN_FOR:
            canaries = Canary.valid(await self.cluster.list(CANARY))
            targets = rollout_targets([one for one in canaries if one.spec.target_ref.kind in WORKLOADS])
            self._known, self._at = (Governed.by(canaries), targets), time.monotonic()
        return self._known


@dataclass(frozen=True, slots=True)
class Look:
    """What is wanted, and where.

    Attributes:
        cluster: where the release is, as whom it is made; the HelmRelease itself is at home.
        hidden: texts that no message may have.
    """

    wired: Connections
    cluster: Cluster
    chart: Chart
    wanted: Wanted
    hidden: frozenset[str] = frozenset()
    owned: Owned = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "owned", Owned(self.cluster))


def rules_of(owned: Owned, release: HelmRelease, step: Step, check: Callable[[], None]) -> Rules:
    """What is changed of helm's requests for an act on a release."""
    return Rules(release.release_namespace, release.storage_namespace, owned, check, expressions_of(release, step))
