"""HTTP to registries: a client for each way to connect, answers of a bounded size, and sluice's errors.

Most registries are reached in the usual way and share one client. Those with a certificate authority, a client certificate
or a proxy of their own have one each; the oldest go where there are too many.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from blocks.bounded_http import Answer, asked
from blocks.registries.base import USUAL, Way
from blocks.tls import context_of
from blocks.waits import retry_after
from sluice.addresses import shown
from sluice.errors import NotFoundError, TerminalError, TransientError
from sluice.images.reference import Repository

MOST_BYTES = 16 * 1024 * 1024
"""Of one answer. A page of a thousand tags is a few dozen KiB; registries without pages send all tags at once."""
MOST_WAYS = 64
WHOLE = 6
"""A call may take as many times the time of one read."""


@dataclass(slots=True)
class Transport:
    """The clients of this process for registries.

    Attributes:
        timeout: seconds to connect, and for one read.
        environment: whether the proxies that the environment names are used.
    """

    timeout: float
    environment: bool = True
    _clients: dict[Way, httpx.AsyncClient] = field(default_factory=dict)

    async def ask(
        self, method: str, url: str, repository: Repository, headers: Mapping[str, str], way: Way, **more: Any
    ) -> Answer:
        """One call.

        Raises:
            TransientError: no answer, or not all of it in time.
            TerminalError: an address is none, or what the answer is made of cannot be what a registry says.
        """
        http = await self.client(way)
        try:
            request = http.build_request(method, url, headers=dict(headers), **more)
            answer = await asked(http, request, MOST_BYTES, self.timeout * WHOLE)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise TerminalError(
                f"registry {repository.registry} sends us to {shown(url)!r}, which is no address"
            ) from error
        except (httpx.RequestError, OSError) as error:  # a TLS alert after the handshake comes as it is
            why = _about(error)
            raise TransientError(f"registry {repository.registry} does not answer: {why}") from None
        if not answer.whole:
            raise TerminalError(
                f"{shown(answer.url)} answers {repository} with more than {MOST_BYTES // 1024 // 1024} MiB at once"
            )
        return answer

    async def client(self, way: Way) -> httpx.AsyncClient:
        """The client for connections that are made this way."""
        if (known := self._clients.pop(way, None)) is not None:
            self._clients[way] = known
            return known
        made = httpx.AsyncClient(
            timeout=self.timeout,
            verify=_verification(way),
            proxy=way.proxy.get_secret_value() if way.proxy else None,
            headers={"User-Agent": "sluice"},
            trust_env=self.environment,
        )
        self._clients[way] = made
        if len(self._clients) > MOST_WAYS:
            oldest = next(way for way in self._clients if way != USUAL)
            await self._clients.pop(oldest).aclose()
        return made

    async def close(self) -> None:
        """End all connections."""
        while self._clients:
            await self._clients.popitem()[1].aclose()


def checked(answer: Answer, repository: Repository) -> Answer:
    """An answer that is a good one.

    Raises:
        NotFoundError, TransientError, TerminalError: it is not; the message names registry and repository.
    """
    said = f"registry {repository.registry} answered {answer.status} for {repository.path}"
    if answer.status == 404:
        raise NotFoundError(said)
    if answer.status == 429 or answer.status >= 500:
        raise TransientError(said, retry_after=retry_after(answer.headers))
    if not answer.is_success and answer.status != 304:
        raise TerminalError(f"{said}: check its secretRef")
    return answer


def _verification(way: Way) -> ssl.SSLContext | bool:
    if not way.authority and not way.certificate:
        return True
    key = way.key.get_secret_value() if way.key else ""
    return context_of("spec.certSecretRef", way.authority, way.certificate, key)


def _about(error: Exception) -> str:
    """What an error says; a proxy's address, which may have a login in it, is not part of it."""
    return f"{type(error).__name__}{f' ({error})' if str(error) else ''}"
