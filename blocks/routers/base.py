"""What every router can do."""

from __future__ import annotations

from typing import Any, Protocol

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import Traffic

APPLIED_WITHIN = 2.0
"""Seconds that a proxy may take to apply what its controller has acknowledged."""


class Router(Protocol):
    """Splits users' traffic between the primary, the canary and, where it is compared, the baseline of one Canary.

    Attributes:
        apex: the route is the apex Service itself, so that nobody else writes that.
    """

    @property
    def apex(self) -> bool: ...

    async def ensure(self, canary: Canary, target: dict[str, Any]) -> None:
        """Bring the route to what manifest and journal say; nothing is written where it is so.

        The sides' Services are there. A route that somebody made before is taken over. While a release is under way its
        weight stays as it is; a route that has none gets what no user is lost by (`sluice.rollout.routes.base.due`). At rest
        all users are on the primary.

        Raises:
            InvalidError: the Canary asks for what this router cannot do, or the route is somebody else's; the message says
                the way out.
            TransientError: the controller did not acknowledge it in time, or a route on its way out has to be gone first.
        """

    async def fence_out(self, canary: Canary) -> None:
        """Make writes of the route fail that an earlier actor may still have on their way; changes nothing else."""

    async def weight(self, canary: Canary) -> int | None:
        """The canary's weight now, percent, from the data plane's own configuration; None where there is no route."""

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        """Give the canary that traffic, and a baseline its part; returns when the controller has acknowledged it.

        Idempotent. A route that was made before the Canary was compared gets what it lacks.

        Raises:
            ConflictError: somebody else changed the route meanwhile.
            TransientError: the controller did not acknowledge it in time, or the route does not give it that traffic then.
            NotFoundError: there is no route.
            InvalidError: this router cannot give it that traffic.
        """

    async def release(self, canary: Canary) -> None:
        """Divide nobody any more: what was taken over is what it was, what sluice made leads to the apex Service.

        Idempotent, and nothing happens where there is no route of this Canary's.
        """
