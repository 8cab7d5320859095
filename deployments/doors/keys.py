"""Public keys of senders: fetched from where they publish them, and kept for a while; fetched again where one is unknown."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from blocks.bounded_http import got
from sluice.errors import TransientError
from sluice.events.verification.base import DISCOVERY

MOST_BYTES, WITHIN = 256 * 1024, 5.0
"""Bytes of one answer, and seconds for all of it."""
KEPT_FOR, NEWER_AFTER = 3600.0, 60.0
"""Seconds that keys are used, and seconds after which a proof that they do not fit is a reason to fetch them once more."""
PER_MINUTE, MOST_PLACES = 30, 64
"""Fetches in a minute, and places that are remembered: a stranger who names many places does not make us ask them all."""

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets what is at an address; raises TransientError where it cannot be had."""


async def fetched(url: str) -> bytes:
    """What is at an address, asked without any login; for an issuer's document of discovery the keys that it names.

    Redirects are not followed: only this address is trusted, and what it says itself.

    Raises:
        TransientError: it does not answer, not with 200, or with more than keys are.
    """
    content = await _got(url)
    return await _got(_keys_of(url, content)) if url.endswith(DISCOVERY) else content


async def _got(url: str) -> bytes:
    host = httpx.URL(url).host
    try:
        async with httpx.AsyncClient(follow_redirects=False) as http:
            answer = await got(http, url, MOST_BYTES, WITHIN)
    except httpx.HTTPError as error:
        raise TransientError(f"{host} does not answer ({type(error).__name__})") from error
    if answer.status != 200 or not answer.whole:
        raise TransientError(f"{host} answers {answer.status}, or more than {MOST_BYTES} bytes")
    return answer.content


def _keys_of(url: str, content: bytes) -> str:
    """Where an issuer has its keys, by its document of discovery (OpenID Connect Discovery 1.0, section 4).

    Raises:
        TransientError: it is no such document, or another issuer's.
    """
    issuer = url.removesuffix(DISCOVERY)
    try:
        said = json.loads(content)
        own, place = str(said["issuer"]), httpx.URL(str(said["jwks_uri"]))
    except (ValueError, KeyError, TypeError, httpx.InvalidURL) as error:
        raise TransientError(f"{url} says no issuer and jwks_uri") from error
    if own.rstrip("/") != issuer:
        raise TransientError(f"{url} speaks for another issuer: {own[:100]}")
    if place.scheme != "https" and (place.scheme != "http" or url.startswith("https://")):
        raise TransientError(f"{url} names keys at an address that is not as safe as its own")
    return str(place)


@dataclass(slots=True)
class Keys:
    """What was fetched of keys, and when."""

    fetch: Fetch = fetched
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    _asked: deque[float] = field(default_factory=deque)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def at(self, url: str, oldest: float = KEPT_FOR) -> bytes:
        """What is at an address, not older than so many seconds.

        Raises:
            TransientError: it cannot be had now.
        """
        async with self._turn:  # many deliveries at once fetch it once
            known = self._known.get(url)
            if known and self.clock() - known[0] < oldest:
                return known[1]
            self._count()
            keys = await self.fetch(url)
            self._known.pop(url, None)
            self._known[url] = (self.clock(), keys)
            if len(self._known) > MOST_PLACES:
                del self._known[next(iter(self._known))]
            return keys

    def _count(self) -> None:
        now = self.clock()
        while self._asked and now - self._asked[0] > 60:
            self._asked.popleft()
        if len(self._asked) >= PER_MINUTE:
            raise TransientError("too many keys were asked for in this minute", retry_after=60)
        self._asked.append(now)
