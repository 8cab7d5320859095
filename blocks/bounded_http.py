"""One HTTP request with an end: a total time and a greatest size, whatever the other side does.

A client's own timeout is one for each read: a byte every few seconds keeps within it for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request.

    Attributes:
        content: the body, or its beginning.
        whole: whether that is all of it; where it was longer than allowed, the rest was never read.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    whole: bool

    @property
    def text(self) -> str:
        """The body as text, as far as it is one."""
        return self.content.decode(errors="replace")

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300


async def got(http: httpx.AsyncClient, url: str, most: int, within: float, **request: Any) -> Answer:
    """GET, and read the answer; arguments and errors are those of `posted`."""
    return await _asked("GET", http, url, most, within, **request)


async def posted(http: httpx.AsyncClient, url: str, most: int, within: float, **request: Any) -> Answer:
    """POST, and read the answer.

    Args:
        most: bytes of the body that are read at most.
        within: seconds for all of it, from the connection to the last byte.
        request: what else `httpx.AsyncClient.stream` takes.

    Raises:
        httpx.HTTPError: it failed, or took too long.
        httpx.InvalidURL: the address is none.
    """
    return await _asked("POST", http, url, most, within, **request)


async def _asked(method: str, http: httpx.AsyncClient, url: str, most: int, within: float, **request: Any) -> Answer:
    try:
        async with asyncio.timeout(within), http.stream(method, url, timeout=within, **request) as answer:
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > most:
                    break
            return Answer(answer.status_code, answer.headers, bytes(content[:most]), len(content) <= most)
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"no whole answer within {within:g} s") from error
