"""A router without a data plane, for tests of what stands above it. It keeps the contract of all routers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import Traffic


@dataclass(slots=True)
class MemoryRouter:
    """Weights in a dictionary.

    Attributes:
        weights: the canary's weight by the Canary's name; tests may read and set it.
        history: every weight that was set, in order.
    """

    weights: dict[str, int] = field(default_factory=dict)
    history: list[int] = field(default_factory=list)
    apex: bool = False

    async def ensure(self, canary: Canary, target: dict[str, Any]) -> None:
        self.weights.setdefault(canary.name, 0)

    async def weight(self, canary: Canary) -> int | None:
        return self.weights.get(canary.name)

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        if canary.name not in self.weights:
            raise NotFoundError(f"no route for {canary}")
        if self.weights[canary.name] != traffic.canary:
            self.weights[canary.name] = traffic.canary
            self.history.append(traffic.canary)
