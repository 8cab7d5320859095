"""One HTTP request with an end: a total time and a greatest size, whatever the other side does.

A client's own timeout is one for each read: a byte every few seconds keeps within it for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from sluice.errors import TerminalError

MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request.

    Attributes:
        content: the body, or its beginning.
        whole: whether that is all of it; where it was longer than allowed, the rest was never read.
        url: that answered in the end; empty where nobody asks for it.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    whole: bool
    url: str = ""

    @property
    def text(self) -> str:
        """The body as text, as far as it is one."""
        return self.content.decode(errors="replace")

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300


async def got(http: httpx.AsyncClient, url: str, most: int, within: float, **request: Any) -> Answer:
    """GET, and read the answer of this very address; arguments and errors are those of `posted`."""
    return await sent("GET", http, url, most, within, **request)


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
    return await sent("POST", http, url, most, within, **request)


async def sent(method: str, http: httpx.AsyncClient, url: str, most: int, within: float, **request: Any) -> Answer:
    """One request of any method, and the answer of this very address; arguments and errors are those of `posted`."""
    try:
        async with asyncio.timeout(within), http.stream(method, url, timeout=within, **request) as answer:
            return await _read(answer, most)
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"no whole answer within {within:g} s") from error


async def asked(http: httpx.AsyncClient, request: httpx.Request, most: int, within: float) -> Answer:
    """Send a request, follow where it leads, and read the answer.

    What a redirect says besides its address is never read, and no redirect leads from https to http. A login does not go
    along to another host: httpx sees to that.

    Args:
        most: bytes of the body that are read at most.
        within: seconds for all of it, from the connection to the last byte.

    Raises:
        httpx.HTTPError: it failed, took too long, or leads nowhere.
        TerminalError: it leads from https to http.
        httpx.InvalidURL: an address is none.
    """
    try:
        async with asyncio.timeout(within):
            for _ in range(MOST_REDIRECTS + 1):
                answer = await http.send(request, stream=True, follow_redirects=False)
                try:
                    following = answer.next_request
                    if following is None:
                        return await _read(answer, most)
                finally:
                    await answer.aclose()
                if (request.url.scheme, following.url.scheme) == ("https", "http"):
                    raise TerminalError(f"{request.url.host} leads from https to http: nothing is asked there")
                request = following
            raise httpx.TooManyRedirects(f"more than {MOST_REDIRECTS} redirects", request=request)
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"no whole answer within {within:g} s") from error


async def _read(answer: httpx.Response, most: int) -> Answer:
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > most:
            break
    return Answer(answer.status_code, answer.headers, bytes(content[:most]), len(content) <= most, str(answer.url))
