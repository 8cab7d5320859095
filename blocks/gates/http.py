"""A gate over HTTP, by Flagger's webhook protocol (docs.flagger.app, "Webhooks")."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from blocks.bounded_http import posted
from blocks.gates.base import Answer
from sluice.addresses import cleaned, shown, without_login
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from sluice.recent import Recent

AT_ONCE = 64
"""Webhooks of one host that are under way at once: the others wait, and their time begins when it is their turn."""
HOSTS = 1000
"""Hosts whose webhooks are counted; manifests come and go, and each may name another."""
MOST = 64 * 1024
"""Bytes of an answer that are read; people see its first line."""


def webhook_client() -> httpx.AsyncClient:
    """A client for webhooks alone: however many of them are slow, what else sluice asks has its own connections."""
    return httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=None, max_keepalive_connections=20))


@dataclass(frozen=True, slots=True)
class HttpGate:
    """POSTs Flagger's payload. Any 2xx is open; Flagger itself refuses 204, which surprises people.

    Each call has the webhook's `timeout` for all of it, and of a long answer only the beginning is read.
    """

    http: httpx.AsyncClient
    _turn: Recent[str, asyncio.Semaphore] = field(default_factory=lambda: Recent(HOSTS))

    async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
        """Ask once, and again as often as the webhook's `retries` say while nobody answers."""
        said = ""
        url, login = without_login(webhook.url)
        # Unpacked answers may be a thousand times as long as what came: none is asked for.
        headers = {"Accept-Encoding": "identity"}
        auth = login or httpx.USE_CLIENT_DEFAULT
        for _ in range(webhook.retries + 1):
            try:
                async with self._turn.setdefault(urlsplit(url).netloc, asyncio.Semaphore(AT_ONCE)):
                    answer = await posted(
                        self.http, url, MOST, webhook.timeout, json=payload(webhook, canary), auth=auth, headers=headers
                    )
            except httpx.HTTPError as error:
                said = f"{shown(url)} does not answer: {cleaned(repr(error))}"
                continue
            except (httpx.InvalidURL, ValueError) as error:
                said = f"webhooks[].url of {webhook.name} is no address ({cleaned(str(error))}): mend it: {shown(url)}"
                break
            body = " ".join(answer.text.split())[:200]
            said = f"{answer.status} {body}".strip()
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
