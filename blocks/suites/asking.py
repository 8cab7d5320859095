"""Asking a service of suites over HTTP: by a token of the Gate's namespace, within a time and a size, and once.

Nothing is asked again here: a Gate is asked again anyway, and who starts something has to know whether an answer was
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
from blocks.waits import LONGEST_REST, limit, retry_after
from sluice.addresses import cleaned
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, SluiceError, TerminalError, TransientError
from sluice.manifests.own.gates.suite import SecretKey
from sluice.recent import Recent

WITHIN, MOST = 10.0, 4 << 20
LONGEST_WORDS, LONGEST_ADDRESS = 200, 1000
"""Characters of what a service says that are kept: the journal of a release has a greatest size."""
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
        if answer.is_success:
            return self._read(answer, path.partition("?")[0])
        if (wait := limit(answer.status, answer.headers, answer.text)) is not None:
            _resting[rest] = time.monotonic() + min(wait, LONGEST_REST)
            raise TransientError(f"{self.service} wants to be left alone for a while", retry_after=wait)
        raise self._refused(answer, path.partition("?")[0])

    def _refused(self, answer: Answer, path: str) -> SluiceError:
        said = f"{self.service} answered {answer.status}{f' for {path}' if path else ''}"
        if answer.status in (408, 425) or answer.status >= 500:
            return TransientError(said, retry_after=retry_after(answer.headers))
        if answer.status in (401, 403):
            return ForbiddenError(f"{said}: is the token of {self.from_where} valid, and may it do that there?")
        if answer.status == 404:
            return NotFoundError(f"{said}: is the name right, and may the token of {self.from_where} see it?")
        if 300 <= answer.status < 400:
            return TerminalError(f"{said}, which leads elsewhere: nothing was sent there; mend the address")
        return TerminalError(f"{said}: {self._words(answer)}")

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
        token = self.token.get_secret_value() if self.token else ""
        return words(answer.text.replace(token, "…") if token else answer.text)


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


def words(text: Any) -> str:
    """What a service says for people, short and in one line."""
    return " ".join(cleaned(str(text or "")).split())[:LONGEST_WORDS]


def https(url: Any) -> str:
    """An address that a service says for people; empty where it is none."""
    text = cleaned(str(url or ""))
    fits = text.startswith(("https://", "http://")) and len(text) < LONGEST_ADDRESS and text.isprintable()
    return text if fits else ""
