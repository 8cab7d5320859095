"""Asking a forge over its REST API: with a token, within a time, a few times while it is away, and as slowly as it wants."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from blocks.bounded_http import Answer, sent
from blocks.waits import LONGEST_REST, limit, retry_after, retrying
from sluice.errors import SluiceError, TerminalError, TransientError
from sluice.recent import Recent

ATTEMPTS, TIMEOUT = 3, 5.0
SLOWEST = 256 * 1024
"""Bytes a second that what is sent may take: findings of code have megabytes."""
LONGEST_ANSWER = 300
"""Characters of a forge's own words that a message quotes."""
MOST = 8 << 20
"""Bytes of an answer: a page of a list is far less."""
Token = SecretStr | Callable[[], Awaitable[SecretStr]]
"""A token, or what gives one that is still good."""
_resting: Recent[str, float] = Recent(100)
"""Until when a forge is left alone, by its API: by all automations, for its limits are on all of them."""


NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors after which the forge cannot have done what was asked."""
NOT_KNOWN = {500, 502, 504}
"""Answers after which nobody knows whether it was done: of a proxy, or of a server that broke in the middle."""
ALREADY = "already exists"
"""GitHub's word, in a 422, for what others answer 409 to."""


class AlreadyError(TerminalError):
    """What was to be made is there."""


class AbsentError(TerminalError):
    """It is not there, or we may not know of it."""


class _SpoiltError(TransientError):
    """The token was good for an hour and is not any more: with another one it is asked again."""


class _LostError(SluiceError):
    """No answer came to a call that makes something, and it may be made: asked at once again, there may be two."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One forge's API.

    Attributes:
        http: the client to ask with; its owner closes it.
        forge: what messages call it.
        api: base URL.
        token: with the rights that are needed, or what gives one.
        from_where: where the token is written, for the person who has to put it right.
        headers: what else each call carries.
        spoilt: hears of a token that is not taken, where there can be another one.
    """

    http: httpx.AsyncClient
    forge: str
    api: str
    token: Token
    from_where: str
    headers: Mapping[str, str] = field(default_factory=dict)
    spoilt: Callable[[SecretStr], None] | None = None

    async def ask(self, method: str, path: str, right: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        """The answer of one call.

        Args:
            method: of HTTP.
            path: below the API's address.
            right: what the token has to be allowed, in words.
            body: to send.
            query: of the address.

        Raises:
            AlreadyError: there is one already.
            TransientError: it is away or asks to wait, or its answer was lost; what makes something may have made it.
            TerminalError: it refuses us; the error never has the token in it.
        """
        try:
            async for attempt in retrying(ATTEMPTS, 1.0):
                with attempt:
                    return await self._once(method, path, right, body, query)
        except _LostError as error:
            raise TransientError(str(error)) from error
        except _SpoiltError as error:  # new ones are not taken either
            raise TerminalError(f"{error}: may it {right} there?") from error
        raise TransientError(f"{self.forge} did not answer {path}")

    async def find(self, path: str, right: str) -> Any | None:
        """The answer of a GET; None where the forge has no such thing, or does not show it to us, which it says alike."""
        try:
            return await self.ask("GET", path, right)
        except AbsentError:
            return None

    async def _once(
        self, method: str, path: str, right: str, body: dict[str, Any] | None, query: dict[str, str]
    ) -> Any:
        rest = _resting.get(self.api, 0.0) - time.monotonic()
        if rest > 0:
            raise TransientError(f"{self.forge} wants to be left alone for {rest:.0f} s", retry_after=rest)
        token = self.token if isinstance(self.token, SecretStr) else await self.token()
        headers = {"Authorization": f"Bearer {token.get_secret_value()}", "User-Agent": "sluice", **self.headers}
        content = None if body is None else json.dumps(body).encode()
        within = TIMEOUT + len(content or b"") / SLOWEST
        headers |= {"Content-Type": "application/json"} if content else {}
        address = self.api.rstrip("/") + path
        try:
            answer = await sent(
                method, self.http, address, MOST, within, content=content, params=query, headers=headers
            )
        except httpx.RequestError as error:
            kind = _LostError if method == "POST" and not isinstance(error, NOT_SENT) else TransientError
            raise kind(f"{self.forge} does not answer: {type(error).__name__}") from error
        if answer.is_success:
            return self._read(answer, path)
        said = f"{self.forge} answered {answer.status} for {path}"
        if (wait := limit(answer.status, answer.headers, answer.text)) is not None:
            _resting[self.api] = time.monotonic() + min(wait, LONGEST_REST)
            raise TransientError(f"{said}: it wants to be left alone for {wait:.0f} s", retry_after=wait)
        if 300 <= answer.status < 400:
            raise TerminalError(f"{said}: the repository was moved or renamed: write its address of today")
        if answer.status in NOT_KNOWN and method == "POST":
            raise _LostError(said)
        if answer.status >= 500:
            raise TransientError(said, retry_after=retry_after(answer.headers))
        if answer.status in {400, 409, 422}:
            already = answer.status == 409 or (answer.status == 422 and ALREADY in answer.text)
            refusal = AlreadyError if already else TerminalError
            raise refusal(f"{said}: {' '.join(answer.text.split())[:LONGEST_ANSWER]}")
        if answer.status == 401 and self.spoilt is not None:
            self.spoilt(token)
            raise _SpoiltError(f"{said}: it takes the token of {self.from_where} no more; another one is asked for")
        refused = AbsentError if answer.status == 404 else TerminalError
        raise refused(f"{said}: may the token of {self.from_where} {right} there?")

    def _read(self, answer: Answer, path: str) -> Any:
        if not answer.whole:
            raise TerminalError(f"{self.forge} answered more than {MOST >> 20} MiB for {path}")
        try:
            return json.loads(answer.content)
        except ValueError as error:
            kind = answer.headers.get("content-type", "no type")
            raise TerminalError(
                f"{self.forge} answered {answer.status} for {path} with what is no JSON ({kind}): is {self.api} the "
                "address of its API, and no proxy's or login's page?"
            ) from error
