"""What the rules of every kind of route can do. They are pure: manifests and patches are returned, and written elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.strategies.base import HOME, PROMOTION, Traffic

Object = dict[str, Any]
AT_REST = frozenset({Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED})
"""Phases in which there is a primary, and nobody else may have users."""


class Route(Protocol):
    """One kind of route: an object that divides users' traffic among the Services of a Canary's sides."""

    def cannot(self, canary: Canary) -> Iterator[str]:
        """What of a Canary this kind of route cannot do: each begins with the field, and says the way out."""

    def manifest(self, canary: Canary, target: Object, traffic: Traffic) -> Object:
        """A new route that gives the canary that traffic.

        Raises:
            InvalidError: the Canary asks for what this kind of route cannot do.
        """

    def ensured(self, canary: Canary, target: Object, route: Object) -> Object | None:
        """The patch that brings a route to what manifest and journal say (`due`); None where it is so.

        Raises:
            InvalidError: it is somebody else's, or cannot be taken over; the message names it and the way out.
            TransientError: it is on its way out, and has to be gone first.
        """

    def weight(self, canary: Canary, route: Object) -> int | None:
        """The canary's share of the traffic, percent, as the route has it; None where it is not this Canary's route."""

    def shifted(self, canary: Canary, route: Object, traffic: Traffic) -> Object | None:
        """The patch after which the canary has that traffic, and all else of the route stays; None where nothing changes."""


def due(canary: Canary, weight: int | None) -> Traffic | None:
    """The traffic that ensuring a route brings about; None where it stays as it is.

    At rest everybody is at home, whatever somebody made of the route. Under way the weight is the run's; a route that has
    none gets what no user is lost by: the canary where the primary is just being replaced, else the primary.

    Args:
        weight: the canary's share as the route has it; None where it has none.
    """
    status = canary.status
    if status.phase in AT_REST:
        return HOME
    if weight is not None:
        return None
    promoting = status.phase is Phase.PROMOTING and status.canary_weight == PROMOTION.canary
    return PROMOTION if promoting else HOME


def check(route: Route, canary: Canary) -> None:
    """Refuse a Canary that asks for what its kind of route cannot do.

    Raises:
        InvalidError: it does; the message names each field.
    """
    refused = list(route.cannot(canary))
    if refused:
        raise InvalidError(f"{canary}: {'; '.join(refused)}")
