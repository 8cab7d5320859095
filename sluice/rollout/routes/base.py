"""What the rules of every kind of route can do. They are pure: manifests and patches are returned, and written elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import Traffic

Object = dict[str, Any]


class Route(Protocol):
    """One kind of route: an object that divides users' traffic among the Services of a Canary's sides."""

    def cannot(self, canary: Canary) -> Iterator[str]:
        """What of a Canary this kind of route cannot do: each begins with the field, and says the way out."""

    def manifest(self, canary: Canary, target: Object, traffic: Traffic) -> Object:
        """A new route that gives the canary that traffic.

        Raises:
            InvalidError: the Canary asks for what this kind of route cannot do.
        """

    def weight(self, canary: Canary, route: Object) -> int | None:
        """The canary's share of the traffic, percent, as the route has it; None where it was not made to be this route."""

    def shifted(self, canary: Canary, route: Object, traffic: Traffic) -> Object | None:
        """The patch after which the canary has that traffic, and all else of the route stays; None where nothing changes."""


def check(route: Route, canary: Canary) -> None:
    """Refuse a Canary that asks for what its kind of route cannot do.

    Raises:
        InvalidError: it does; the message names each field.
    """
    refused = list(route.cannot(canary))
    if refused:
        raise InvalidError(f"{canary}: {'; '.join(refused)}")
