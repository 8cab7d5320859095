"""A sink of CloudEvents over HTTP, in the binary mode (CloudEvents 1.0, HTTP protocol binding)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from blocks.bounded_http import posted
from blocks.waits import retry_after, retrying
from sluice.addresses import without_login
from sluice.errors import InvalidError, TerminalError, TransientError

ATTEMPTS, TIMEOUT, MOST = 3, 5.0, 64 * 1024
LONGEST_HEADER = 1024


@dataclass(frozen=True, slots=True)
class Sink:
    """Where CDEvents go.

    Attributes:
        http: the client to post with; its owner closes it.
        address: of the sink, with a login in it where it asks for one.
    """

    http: httpx.AsyncClient
    address: SecretStr

    async def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Post events in order. One that is posted twice has the same id, by which the sink knows it.

        Raises:
            TransientError: the sink is away, or asks to wait.
            TerminalError: it refuses one; the error has no login in it.
        """
        for event in events:
            async for attempt in retrying(ATTEMPTS, 1.0):
                with attempt:
                    await self._post(event)

    async def _post(self, event: dict[str, Any]) -> None:
        url, login = without_login(self.address.get_secret_value())
        if not url.startswith(("http://", "https://")):
            raise InvalidError("SLUICE_CDEVENTS_SINK has to begin with http:// or https://")
        context = event["context"]
        said = {
            "specversion": "1.0",
            "id": context["id"],
            "source": context["source"],
            "type": context["type"],
            "subject": event["subject"]["id"],
            "time": context["timestamp"],
        }
        headers = {f"ce-{name}": quote(value, safe=_PLAIN)[:LONGEST_HEADER] for name, value in said.items()}
        headers["Content-Type"] = "application/json; charset=utf-8"
        body, auth = json.dumps(event, ensure_ascii=False).encode(), login or httpx.USE_CLIENT_DEFAULT
        try:
            answer = await posted(self.http, url, MOST, TIMEOUT, content=body, headers=headers, auth=auth)
        except httpx.HTTPError as error:
            raise TransientError(f"the sink of CDEvents does not answer: {type(error).__name__}") from None
        except (httpx.InvalidURL, ValueError):
            raise InvalidError("SLUICE_CDEVENTS_SINK is no http(s) address") from None
        if answer.is_success:
            return
        refused = f"the sink of CDEvents answered {answer.status}"
        if answer.status in {408, 425, 429} or answer.status >= 500:
            raise TransientError(refused, retry_after=retry_after(answer.headers))
        raise TerminalError(f"{refused}: see SLUICE_CDEVENTS_SINK")


_PLAIN = "".join(chr(one) for one in range(0x21, 0x7F) if chr(one) not in '"%')
"""Characters of a header's value that CloudEvents leave as they are; others are %-encoded as UTF-8."""
