"""Asking a forge over its REST API: with a token, within a time, a few times while it is away, and as slowly as it wants."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from blocks.waits import retry_after, retrying
from sluice.errors import SluiceError, TerminalError, TransientError
from sluice.recent import Recent

ATTEMPTS, TIMEOUT = 3, 5.0
LONGEST_ANSWER = 300
"""Characters of a forge's own words that a message quotes."""
REST, LONGEST_REST = 60.0, 3600.0
"""Seconds that a forge gets that had too much and does not say for how long; and the most that it gets."""
_resting: Recent[str, float] = Recent(100)
"""Until when a forge is left alone, by its API: by all automations, for its limits are on all of them."""


NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors after which the forge cannot have done what was asked."""
ALREADY = "already exists"
"""GitHub's word, in a 422, for what others answer 409 to."""


class AlreadyError(TerminalError):
    """What was to be made is there."""


class _LostError(SluiceError):
    """No answer came to a call that makes something, and it may be made: asked at once again, there may be two."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One forge's API.

    Attributes:
        http: the client to ask with; its owner closes it.
        forge: what messages call it.
        api: base URL.
        token: with the rights that are needed.
        from_where: where the token is written, for the person who has to put it right.
        headers: what else each call carries.
    """

    http: httpx.AsyncClient
    forge: str
    api: str
    token: SecretStr
    from_where: str
    headers: Mapping[str, str] = field(default_factory=dict)

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
        raise TransientError(f"{self.forge} did not answer {path}")

    async def _once(
        self, method: str, path: str, right: str, body: dict[str, Any] | None, query: dict[str, str]
    ) -> Any:
        rest = _resting.get(self.api, 0.0) - time.monotonic()
        if rest > 0:
            raise TransientError(f"{self.forge} wants to be left alone for {rest:.0f} s", retry_after=rest)
        headers = {"Authorization": f"Bearer {self.token.get_secret_value()}", "User-Agent": "sluice", **self.headers}
        try:
            answer = await self.http.request(
                method, self.api.rstrip("/") + path, json=body, params=query, headers=headers, timeout=TIMEOUT
            )
        except httpx.RequestError as error:
            kind = _LostError if method == "POST" and not isinstance(error, NOT_SENT) else TransientError
            raise kind(f"{self.forge} does not answer: {type(error).__name__}") from error
        if answer.is_success:
            return self._read(answer, path)
        said = f"{self.forge} answered {answer.status_code} for {path}"
        if (wait := _limit(answer)) is not None:
            _resting[self.api] = time.monotonic() + min(wait, LONGEST_REST)
            raise TransientError(f"{said}: it wants to be left alone for {wait:.0f} s", retry_after=wait)
        if answer.status_code >= 500:
            raise TransientError(said, retry_after=retry_after(answer.headers))
        if answer.status_code in {400, 409, 422}:
            already = answer.status_code == 409 or (answer.status_code == 422 and ALREADY in answer.text)
            refusal = AlreadyError if already else TerminalError
            raise refusal(f"{said}: {' '.join(answer.text.split())[:LONGEST_ANSWER]}")
        raise TerminalError(f"{said}: may the token of {self.from_where} {right} there?")

    def _read(self, answer: httpx.Response, path: str) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            kind = answer.headers.get("Content-Type", "no type")
            raise TerminalError(
                f"{self.forge} answered {answer.status_code} for {path} with what is no JSON ({kind}): is {self.api} the "
                "address of its API, and no proxy's or login's page?"
            ) from error


def _limit(answer: httpx.Response) -> float | None:
    """The seconds that a forge wants to be left alone for; None where it says no such thing.

    GitLab answers 429. GitHub's limits are a 403 or 429 that says how long, or that nothing is left until a moment; any
    other 403 is a missing right.
    """
    said = answer.headers
    left = said.get("X-RateLimit-Remaining") or said.get("RateLimit-Remaining")
    if answer.status_code != 429 and not (answer.status_code == 403 and ("Retry-After" in said or left == "0")):
        return None
    if (wait := retry_after(said)) is not None:
        return wait
    try:
        until = float(said.get("X-RateLimit-Reset") or said.get("RateLimit-Reset") or "")
    except ValueError:
        return REST
    return max(until - time.time(), 1.0)
