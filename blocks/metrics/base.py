"""What a metrics provider can do: give the value of a query, and where it keeps raw samples of counters those too.

No answer because there is no data is None or an empty list, never an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import httpx

from sluice.errors import TransientError
from sluice.measures.series import Selector, Series


class LimitError(TransientError):
    """The provider answers, and not this query: it is more than its limits allow now. A smaller one may be answered."""


class Values(Protocol):
    """A provider of any kind: it answers a query of the user's own."""

    async def value(self, query: str) -> float | None:
        """The value of a query now; None where it yields none or NaN. It may be infinite.

        Raises:
            TransientError: the provider is down, slow or overloaded, or its limits are in the way.
            InvalidError: it refuses the query, or what it gives is not one number; asking again will not help.
        """


class Counters(Protocol):
    """A provider that is like Prometheus: requests are counted from its raw samples."""

    def now(self) -> float:
        """Seconds since the epoch by the provider's clock, which its samples are dated by; ours where it is not known."""

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        """The raw samples of all series that match, from `start` to `end`, seconds since the epoch.

        Raises:
            TransientError: the provider is down, slow or overloaded.
            InvalidError: it refuses the query.
        """


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider is, and what to ask it with.

    Attributes:
        address: its URL; empty where neither the manifest nor the installation names one.
        http: the client; its owner closes it.
    """

    address: str
    http: httpx.AsyncClient


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider at an address; `counters` is None where it has no raw samples to count from."""

    values: Values
    counters: Counters | None = None
