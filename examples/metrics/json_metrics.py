"""A metrics provider of one's own: a number in a JSON document over HTTP, `type: json` of a MetricTemplate.

The query is the document's path below the provider's address and, after `#`, a JSON pointer (RFC 6901) to the number:
`/orders/shop?side={{ side }}#/last-minute/success-percent`. A pointer that leads nowhere, or to null, is no data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from blocks.metrics.base import Endpoint, Provider
from blocks.waits import retry_after
from sluice.addresses import shown, without_login
from sluice.errors import InvalidError, TerminalError, TransientError

TIMEOUT, MOST_BYTES = 5.0, 1024 * 1024


@dataclass(frozen=True)
class JsonValues:
    """One address with documents."""

    at: Endpoint

    async def value(self, query: str) -> float | None:
        path, _, pointer = query.strip().partition("#")
        base, login = without_login(self.at.address)
        where, body, auth = shown(base + path), bytearray(), login or httpx.USE_CLIENT_DEFAULT
        try:
            async with self.at.http.stream("GET", base + path, timeout=TIMEOUT, auth=auth) as answer:
                async for chunk in answer.aiter_bytes():
                    body += chunk[: MOST_BYTES + 1 - len(body)]
                    if len(body) > MOST_BYTES:
                        raise InvalidError(f"{where} has over {MOST_BYTES} bytes: name a smaller document in the query")
        except httpx.HTTPError as error:
            raise TransientError(f"{where} does not answer: {error!r}") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise TransientError(f"{where} answered {answer.status_code}", retry_after=retry_after(answer.headers))
        try:
            found = _at(pointer, orjson.loads(bytes(body))) if answer.is_success else f"status {answer.status_code}"
            return None if found is None else float(found)
        except (ValueError, TypeError) as error:
            raise InvalidError(f"{where} has no number at #{pointer} ({error}): correct the query") from error


def _at(pointer: str, found: Any) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        known = dict(enumerate(found)) if isinstance(found, list) else found
        found = known.get(int(key) if isinstance(found, list) else key) if isinstance(known, dict) else None
    return found


def provider(at: Endpoint) -> Provider:
    """Makes the provider at the address of a MetricTemplate."""
    if not at.address:
        raise TerminalError("a MetricTemplate of type json needs spec.provider.address: the base URL of the documents")
    return Provider(JsonValues(at))
