"""The metrics providers that an installation has: made by their type at the first use, and shared by all rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from blocks.metrics import PROVIDERS, Row, provider_of
from blocks.metrics.base import Counters, Endpoint, Provider, Values
from blocks.pings import Pinged
from sluice.errors import InvalidError
from sluice.recent import Recent

COUNTED_BY = "prometheus"
"""The type of a Canary's `spec.metricsServer`, and of the installation's own server."""
MOST = 500
"""Addresses that are known at once: manifests come and go, and each may name another."""


@dataclass(frozen=True, slots=True)
class Providers:
    """Providers by type and address.

    Attributes:
        own: the installation's own addresses by type, where a manifest names none.
        rows: the types that there are.
    """

    http: httpx.AsyncClient
    own: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=lambda: PROVIDERS)
    _known: Recent[tuple[str, str], Provider] = field(default_factory=lambda: Recent(MOST))

    def values(self, kind: str, address: str = "") -> Values:
        """Answers queries; `kind` and `address` as in a MetricTemplate's `spec.provider`.

        Raises:
            InvalidError: sluice has no such provider.
            TerminalError: it needs an address, and none is known.
        """
        return self._provider(kind, address).values

    def counters(self, address: str = "") -> Counters:
        """Raw samples; `address` as in a Canary's `spec.metricsServer`.

        Raises:
            TerminalError: no server is known.
        """
        counters = self._provider(COUNTED_BY, address).counters
        if counters is None:
            raise InvalidError(
                f"a provider of type {COUNTED_BY} has to count: its row in blocks/metrics has no counters"
            )
        return counters

    def pinged(self) -> list[Pinged]:
        """The installation's own providers, so far as they can say whether they work."""
        made = [self.values(kind, address) for kind, address in self.own.items() if address]
        return [one for one in made if isinstance(one, Pinged)]

    def _provider(self, kind: str, address: str) -> Provider:
        make = provider_of(kind, self.rows)
        chosen = (address or self.own.get(kind, "")).rstrip("/")
        if (kind, chosen) not in self._known:
            self._known[kind, chosen] = make(Endpoint(chosen, self.http))
        return self._known[kind, chosen]
