"""Gates: services of the user's that are asked whether a release may go on (Flagger's webhook protocol)."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ConfigDict

from sluice.addresses import shown, without_login
from sluice.manifests.flagger.canary import Canary, CanaryWebhook


class Answer(BaseModel):
    """What a gate said. `open` is any 2xx; Flagger itself refuses 204, which surprises people."""

    model_config = ConfigDict(frozen=True)
    gate: str
    open: bool
    said: str


@dataclass(frozen=True, slots=True)
class Webhooks:
    """POSTs Flagger's payload. A gate that does not answer is a closed gate that says so, not an error."""

    http: httpx.AsyncClient

    async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
        """Ask once, and again as often as the webhook's `retries` say while nobody answers."""
        said = ""
        url, login = without_login(webhook.url)
        for _ in range(webhook.retries + 1):
            try:
                answer = await self.http.post(
                    url, json=payload(webhook, canary), timeout=webhook.timeout, auth=login or httpx.USE_CLIENT_DEFAULT
                )
            except httpx.HTTPError as error:
                said = f"{shown(url)} does not answer: {error!r}"
                continue
            body = " ".join(answer.text.split())[:200]
            said = f"{answer.status_code} {body}".strip()
            if answer.is_success:
                return Answer(gate=webhook.name, open=True, said=said)
        return Answer(gate=webhook.name, open=False, said=said)


def payload(webhook: CanaryWebhook, canary: Canary) -> dict[str, object]:
    """Flagger's CanaryWebhookPayload; the checksum is the revision."""
    return {
        "name": canary.name,
        "namespace": canary.namespace,
        "phase": str(canary.status.phase or ""),
        "checksum": canary.status.last_applied_spec,
        "metadata": webhook.metadata,
    }
