"""The gates that sluice can ask, by the scheme of the webhook's `url`. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from blocks.gates.base import Answer, Gate
from blocks.gates.http import HttpGate
from sluice.addresses import cleaned
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook

Row = Callable[[httpx.AsyncClient], Gate]
GATES: Mapping[str, Row] = {
    "http": HttpGate,
    "https": HttpGate,
}
"""How a gate is made, given the connections that all gates share."""


@dataclass(frozen=True, slots=True)
class Gates:
    """Every gate of an installation, asked by the scheme of its address.

    Attributes:
        http: the connections that gates over http share.
        table: `GATES`, and what installed packages add to it.
    """

    http: httpx.AsyncClient
    table: Mapping[str, Row] = field(default_factory=lambda: GATES)
    _made: dict[str, Gate] = field(default_factory=dict)

    async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
        """The answer of the gate that the webhook's `url` names; a scheme that nobody knows is a closed gate."""
        scheme = webhook.url.partition("://")[0]
        if scheme not in self.table:
            known = ", ".join(f"{one}://" for one in self.table)
            said = f"url begins with {scheme}://, which no gate has; use one of: {known}, or install its package"
            return Answer(gate=webhook.name, open=False, said=said)
        if scheme not in self._made:
            self._made[scheme] = self.table[scheme](self.http)
        try:
            return await self._made[scheme].ask(webhook, canary)
        except Exception as error:  # an installed package's too: it closes its gate, and ends no run
            said = f"the gate for {scheme}:// broke: {cleaned(repr(error))}: mend its package"
            return Answer(gate=webhook.name, open=False, said=said)
