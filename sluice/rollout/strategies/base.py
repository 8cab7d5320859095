"""What a strategy is: a plan of steps, made of the Canary's `analysis` alone.

Whatever acts on a plan (`decide`, the journal, the routers) speaks of steps and of their traffic, never of a strategy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sluice.manifests.flagger.canary import CanaryAnalysis


@dataclass(frozen=True, slots=True)
class Traffic:
    """Which requests of the users the canary gets.

    Attributes:
        canary: its share of the users' requests, percent.
        mirror: the share of requests that it gets as copies, whose answers nobody sees, percent.
        match: conditions on requests (Flagger's `analysis.match`) that all go to the canary.
        sticky: the cookie that keeps a user where he was (Flagger's `analysis.sessionAffinity`).
    """

    canary: int = 0
    mirror: int = 0
    match: tuple[dict[str, Any], ...] = ()
    sticky: str = ""

    def __str__(self) -> str:
        return f"{self.canary} % of the traffic" if self.canary else "none of the users' traffic"


HOME = Traffic()
"""All users are on the primary."""
PROMOTION = Traffic(canary=100)
"""The judged canary carries the users while the primary's pods are replaced."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a release.

    Attributes:
        traffic: what the canary gets while it lasts.
        repeat: how many intervals have to pass their judgement before the next step.
    """

    traffic: Traffic
    repeat: int = 1


class Strategy(Protocol):
    """One way to release."""

    name: str
    """What people call it."""

    def chosen(self, analysis: CanaryAnalysis) -> bool:
        """Whether the manifest asks for this strategy."""

    def plan(self, analysis: CanaryAnalysis) -> tuple[Step, ...]:
        """The steps before promotion, first to last; at least one."""
