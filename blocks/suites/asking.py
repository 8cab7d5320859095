"""Asking a service of suites over HTTP: by a token of the Gate's namespace, within a time and a size, and once.

Nothing is asked again here: a Gate is looked at again anyway, and who starts something has to know whether an answer was
lost. What messages say stays the same for as long as the trouble does, for it is written down.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from blocks.bounded_http import Answer, sent
from blocks.kubernetes.kinds import SECRET
from blocks.suites.base import Launch, Reach
from blocks.waits import retry_after
from sluice.addresses import cleaned
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, TerminalError, TransientError
from sluice.manifests.own.gates.suite import SecretKey
from sluice.recent import Recent

WITHIN, MOST = 10.0, 4 << 20
REST, LONGEST_REST = 60.0, 3600.0
"""Seconds that a service gets that had too much and does not say for how long; and the most that it gets."""
_LONGEST_WORDS = 200
_resting: Recent[str, float] = Recent(200)
"""Until when a service is left alone, by host and Secret: by all Gates, for its limits are on all of them."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One service, by one token.

    Attributes:
        http: the client to ask with; its owner closes it.
        service: what messages call it.
        address: base URL.
        headers: of each call, the login among them.
        token: None where there is none; it is never shown.
        from_where: where the token is written, for the person who has to put it right.
    """

    http: httpx.AsyncClient
    service: str
    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    token: SecretStr | None = None
    from_where: str = "secretRef"

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer of one call, from JSON; None where it is empty.

        Raises:
            NotFoundError, ForbiddenError, TerminalError, InvalidError: it refuses; nothing was done.
            TransientError: it is away, or wants to be left alone; what makes something may have made it.
        """
        rest = f"{urlsplit(self.address).netloc} {self.from_where}"
        left = _resting.get(rest, 0.0) - time.monotonic()
        if left > 0:
            raise TransientError(f"{self.service} wants to be left alone for a while", retry_after=left)
        given: dict[str, Any] = {"headers": {"User-Agent": "sluice", "Accept-Encoding": "identity", **self.headers}}
        if body is not None:
            given["json"] = body
        if query:
            given["params"] = query
        try:
            answer = await sent(
                method, self.http, self.address.rstrip("/") + path, MOST, WITHIN, follow_redirects=False, **given
            )
        except httpx.HTTPError as error:
            raise TransientError(f"{self.service} does not answer: {type(error).__name__}") from None
        except (httpx.InvalidURL, ValueError) as error:
            raise InvalidError(f"{self.service}: {cleaned(str(error))}: mend the address") from None
        wait = _limit(answer)
        if wait is not None:
            _resting[rest] = time.monotonic() + min(wait, LONGEST_REST)
            raise TransientError(f"{self.service} wants to be left alone for a while", retry_after=wait)
        return self._checked(answer, path.partition("?")[0])

    def _checked(self, answer: Answer, path: str) -> Any:
        said = f"{self.service} answered {answer.status} for {path}"
        if answer.is_success:
            return self._read(answer, path)
        if answer.status in (408, 425) or answer.status >= 500:
            raise TransientError(said, retry_after=retry_after(answer.headers))
        if answer.status in (401, 403):
            raise ForbiddenError(f"{said}: is the token of {self.from_where} valid, and may it do that there?")
        if answer.status == 404:
            raise NotFoundError(f"{said}: is the name right, and may the token of {self.from_where} see it?")
        if 300 <= answer.status < 400:
            raise TerminalError(f"{said}, which leads elsewhere: nothing was sent there; mend the address")
        raise TerminalError(f"{said}: {self._words(answer)}")

    def _read(self, answer: Answer, path: str) -> Any:
        if not answer.content.strip():
            return None
        if not answer.whole:
            raise InvalidError(f"{self.service} gives more than {MOST >> 20} MiB for {path}")
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            raise InvalidError(
                f"{self.service} gives no JSON for {path}: is {cleaned(self.address)} the address of its API?"
            ) from None

    def _words(self, answer: Answer) -> str:
        """The service's own words, short, and never with our token in them."""
        words = " ".join(cleaned(answer.text).split())[:_LONGEST_WORDS]
        token = self.token.get_secret_value() if self.token else ""
        return words.replace(token, "…") if token else words


def _limit(answer: Answer) -> float | None:
    """The seconds that a service wants to be left alone for; None where it says no such thing."""
    left = answer.headers.get("X-RateLimit-Remaining")
    if answer.status != 429 and not (answer.status == 403 and ("Retry-After" in answer.headers or left == "0")):
        return None
    if (wait := retry_after(answer.headers)) is not None:
        return wait
    try:
        return max(float(answer.headers.get("X-RateLimit-Reset") or "") - time.time(), 1.0)
    except ValueError:
        return REST


async def token_of(reach: Reach, launch: Launch, named: SecretKey) -> tuple[SecretStr, str]:
    """A token in a Secret of the Gate's namespace, and where it is.

    Raises:
        NotFoundError: the Secret is not there.
        InvalidError: it has no such key.
    """
    namespace = launch.gate.namespace
    data = (await reach.cluster.get(SECRET, named.name, namespace)).get("data") or {}
    where = f"Secret {namespace}/{named.name}"
    try:
        text = base64.b64decode(str(data.get(named.key) or ""), validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text or not text.isprintable() or not text.isascii():
        raise InvalidError(f"{where} has no key {named.key} with a token in it: put it there, or name its key")
    return SecretStr(text), where


def listed(answer: Any, name: str, service: str) -> list[Mapping[str, Any]]:
    """A list of an answer.

    Raises:
        InvalidError: there is none.
    """
    found = answer.get(name) if isinstance(answer, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise InvalidError(f"{service} does not answer as its description says: {name} is no list of objects")
    return found


def https(url: Any) -> str:
    """An address that a service says for people; empty where it is none."""
    text = cleaned(str(url or ""))
    return text if text.startswith(("https://", "http://")) and len(text) < 1000 and text.isprintable() else ""
