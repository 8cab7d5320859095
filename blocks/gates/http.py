"""A gate over HTTP, by Flagger's webhook protocol (docs.flagger.app, "Webhooks")."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from blocks.bounded_http import Answer as HttpAnswer
from blocks.bounded_http import posted
from blocks.gates.base import Answer
from blocks.waits import pauses, retry_after
from sluice.addresses import cleaned, shown, without_login
from sluice.gates.points import POINTS
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from sluice.recent import Recent

AT_ONCE = 64
"""Webhooks of one host that are under way at once: the others wait, and their time begins when it is their turn."""
HOSTS = 1000
"""Hosts whose webhooks are counted; manifests come and go, and each may name another."""
MOST = 64 * 1024
"""Bytes of an answer that are read; people see its first line."""


FIRST_RETRY, LONGEST_RETRY = 1.0, 30.0
"""Seconds before the first retry of a webhook, and at most, as Flagger's client has them."""
TOO_MANY, SERVER_ERRORS, NOT_IMPLEMENTED = 429, 500, 501


def webhook_client(*, verify: bool = True) -> httpx.AsyncClient:
    """A client for webhooks alone: however many of them are slow, what else sluice asks has its own connections."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    return httpx.AsyncClient(timeout=10, limits=limits, verify=verify)


@dataclass(frozen=True, slots=True)
class HttpGate:
    """POSTs Flagger's payload. Any 2xx is open; Flagger itself refuses 204, which surprises people.

    Each call has the webhook's `timeout` for all of it, and of a long answer only the beginning is read.
    """

    http: httpx.AsyncClient
    _turn: Recent[str, asyncio.Semaphore] = field(default_factory=lambda: Recent(HOSTS))

    async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
        """Ask once, and again as often as the webhook's `retries` say while nobody answers or it has trouble.

        What is asked again, and how soon, is as with Flagger's client: no answer, 429, and 5xx but 501. A gate that says
        403 is closed, and not asked twice.
        """
        url, said = shown(webhook.url), ""
        tries = pauses(FIRST_RETRY, LONGEST_RETRY)
        for left in range(webhook.retries, -1, -1):
            wait = 0.0
            try:
                answer = await self._posted(webhook, canary)
            except httpx.HTTPError as error:
                said = f"{url} does not answer: {cleaned(repr(error))}"
            except (httpx.InvalidURL, ValueError) as error:
                said = f"webhooks[].url of {webhook.name} is no address ({cleaned(str(error))}): mend it: {url}"
                break
            else:
                said = f"{answer.status} {' '.join(answer.text.split())[:200]}".strip()
                if answer.is_success:
                    return Answer(gate=webhook.name, open=True, said=said)
                if not _in_trouble(answer.status):
                    break
                wait = min(retry_after(answer.headers) or 0.0, LONGEST_RETRY)
            if left:
                await asyncio.sleep(max(wait, next(tries)))
        return Answer(gate=webhook.name, open=False, said=said)

    async def _posted(self, webhook: CanaryWebhook, canary: Canary) -> HttpAnswer:
        """One call."""
        url, login = without_login(webhook.url)
        request: dict[str, Any] = {
            "json": payload(webhook, canary),
            "auth": login or httpx.USE_CLIENT_DEFAULT,
            # Unpacked answers may be a thousand times as long as what came: none is asked for.
            "headers": {"Accept-Encoding": "identity"},
        }
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._turn.setdefault(urlsplit(url).netloc, asyncio.Semaphore(AT_ONCE)))
            http = self.http
            if webhook.disable_tls:
                http = await stack.enter_async_context(webhook_client(verify=False))
            return await posted(http, url, MOST, webhook.timeout, **request)


def _in_trouble(status: int) -> bool:
    return status == TOO_MANY or (status >= SERVER_ERRORS and status != NOT_IMPLEMENTED)


def payload(webhook: CanaryWebhook, canary: Canary) -> dict[str, object]:
    """Flagger's CanaryWebhookPayload, whose phase is Progressing at most points; the checksum is the revision."""
    point = POINTS.get(webhook.type)
    return {
        "name": canary.name,
        "namespace": canary.namespace,
        "phase": str((point and point.says) or canary.status.phase or ""),
        "checksum": canary.status.last_applied_spec,
        "metadata": webhook.metadata,
    }
