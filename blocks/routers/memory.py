"""A router without a data plane, for tests of what stands above it. It keeps the contract of all routers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.routes.base import due
from sluice.rollout.strategies.base import Traffic

Key = tuple[str, str]


@dataclass(slots=True)
class MemoryRouter:
    """Weights in a dictionary.

    Attributes:
        weights: the canary's weight by the Canary's namespace and name; tests may read and set it.
        history: every weight that was set, in order.
    """

    weights: dict[Key, int] = field(default_factory=dict)
    history: list[int] = field(default_factory=list)
    apex: bool = False

    async def ensure(self, canary: Canary, target: dict[str, Any]) -> None:
        traffic = due(canary, await self.weight(canary))
        if traffic is not None:
            self.weights[_key(canary)] = traffic.canary

    async def fence_out(self, canary: Canary) -> None:
        """Nobody else writes here."""

    async def weight(self, canary: Canary) -> int | None:
        return self.weights.get(_key(canary))

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        if _key(canary) not in self.weights:
            raise NotFoundError(f"no route for {canary}")
        if self.weights[_key(canary)] != traffic.canary:
            self.weights[_key(canary)] = traffic.canary
            self.history.append(traffic.canary)

    async def release(self, canary: Canary) -> None:
        self.weights.pop(_key(canary), None)


def _key(canary: Canary) -> Key:
    return (canary.namespace, canary.name)
