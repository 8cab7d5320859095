"""Prefect's events API: how the outside world's events enter.

Plain HTTP instead of Prefect's own emitter: `POST /events` answers after the server took the events, while the emitter
may still hold them in memory when it returns, and the receiver must not say yes before Prefect did.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from blocks.waits import retry_after, retrying
from sluice.errors import TerminalError, TransientError
from sluice.events.model import Event

PAGE = 50
"""Events that the events API answers at once, at most."""
REMEMBERED = 5000
"""Ids of accepted events kept here, for the seconds until the events API can find them."""


class PrefectEvents:
    """Posts events to a Prefect server, each of them once, however often and however late it is posted again.

    Prefect forgets after minutes, and at each restart, which ids it has seen: its triggers would start a second run for
    a late redelivery. The stored events are asked first; they are kept for days.
    """

    def __init__(
        self,
        api_url: str,
        *,
        auth: str | None = None,
        timeout: float = 2.5,
        attempts: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """
        Args:
            api_url: Prefect's API, with `/api` and no slash at its end.
            auth: `user:password` where the server asks for it.
            timeout: seconds for one call.
            attempts: calls before giving up on a server that does not answer.
            transport: how calls travel; httpx's own where not given.
        """
        user, _, password = (auth or "").partition(":")
        self._client = httpx.AsyncClient(
            base_url=api_url,
            transport=transport,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 2.0)),
            auth=httpx.BasicAuth(user, password) if auth else None,
        )
        self._attempts = attempts
        self._accepted: OrderedDict[UUID, None] = OrderedDict()

    async def post(self, events: Sequence[Event]) -> int:
        """Hand over events; returns how many of them were new. When it returns, Prefect has taken all of them.

        Raises:
            TransientError: Prefect cannot be reached or is overloaded; posting again loses nothing.
            TerminalError: Prefect refuses the events.
        """
        asked = {event.id: event for event in events if event.id not in self._accepted}
        if not asked:
            return 0
        stored = await self._stored(asked)
        new = {key: event for key, event in asked.items() if key not in stored}
        if new:
            await self._call("/events", [_body(event) for event in new.values()])
        self._remember(asked)
        return len(new)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"Prefect at {self._client.base_url}"

    async def ping(self) -> str:
        """Its version, which it gives only to who may use it; one call, without retries."""
        return f"Prefect {await self._once('/admin/version', None, 'GET')}"

    async def _stored(self, ids: Iterable[UUID]) -> set[UUID]:
        wanted = [str(key) for key in ids]
        found: set[UUID] = set()
        for start in range(0, len(wanted), PAGE):
            part = wanted[start : start + PAGE]
            page = await self._call("/events/filter", {"filter": {"id": {"id": part}}, "limit": PAGE})
            found |= {UUID(event["id"]) for event in page["events"]}
        return found

    def _remember(self, ids: Iterable[UUID]) -> None:
        self._accepted.update(dict.fromkeys(ids))
        while len(self._accepted) > REMEMBERED:
            self._accepted.popitem(last=False)

    async def _call(self, path: str, body: Any) -> Any:
        """One call, tried a few times with growing, random pauses while the server does not answer."""
        async for attempt in retrying(self._attempts, 1.0):
            with attempt:
                return await self._once(path, body)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, path: str, body: Any, method: str = "POST") -> Any:
        where = self.name
        try:
            response = await self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise TransientError(f"{where} does not answer: {error!r}") from error
        if response.status_code == 429 or response.status_code >= 500:
            raise TransientError(f"{where} answered {response.status_code}", retry_after=retry_after(response.headers))
        if response.is_error:
            raise TerminalError(f"{where} refuses {path}: {response.status_code} {response.text[:300]}")
        return response.json() if response.content else None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _body(event: Event) -> dict[str, Any]:
    return {
        "id": str(event.id),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event.name,
        "resource": {"prefect.resource.id": event.resource},
        "payload": event.payload,
    }
