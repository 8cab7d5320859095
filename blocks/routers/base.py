"""What every router can do."""

from __future__ import annotations

from typing import Any, Protocol

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import Traffic


class Router(Protocol):
    """Splits users' traffic between the primary, the canary and, where it is compared, the baseline of one Canary.

    Attributes:
        apex: the route is the apex Service itself, so that nobody else writes that.
    """

    @property
    def apex(self) -> bool: ...

    async def ensure(self, canary: Canary, target: dict[str, Any]) -> None:
        """Make the route; all traffic to the primary where there was none, else as it is. The sides' Services are there.

        From then on writes fail that an earlier actor may still have on their way.

        Raises:
            InvalidError: the Canary asks for what this router cannot do; the message names the field.
        """

    async def weight(self, canary: Canary) -> int | None:
        """The canary's weight now, percent, from the data plane's own configuration; None where there is no route."""

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        """Give the canary that traffic, and a baseline its part; returns when the controller has acknowledged it.

        Idempotent. A route that was made before the Canary was compared gets what it lacks.

        Raises:
            ConflictError: somebody else changed the route meanwhile.
            TransientError: the controller did not acknowledge it in time.
            NotFoundError: there is no route.
            InvalidError: this router cannot give it that traffic.
        """
