"""A Gate that is a service of the user's, asked as a webhook of a Canary is."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.gates.kinds.base import Asked, GateAnswer
from blocks.gates.table import Gates
from sluice.manifests.flagger.canary_webhook import CanaryWebhook


@dataclass(frozen=True, slots=True)
class WebhookGate:
    """Asks by the scheme of the address, installed packages' too."""

    webhooks: Gates

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open where the service says so."""
        spec = asked.gate.spec.webhook
        assert spec is not None  # noqa: S101 - the table gives a Gate to the kind that it names
        webhook = CanaryWebhook(
            name=asked.gate.name,
            type=asked.point,
            url=spec.url,
            timeout=spec.timeout,
            retries=spec.retries,
            metadata=spec.metadata,
        )
        answer = await self.webhooks.ask(webhook, asked.canary)
        return GateAnswer(answer.open, answer.said)
