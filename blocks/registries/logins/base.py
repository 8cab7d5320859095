"""What every way to get a login for a cloud's registry is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from blocks.bounded_http import Answer
from blocks.registries.base import USUAL, Way
from blocks.registries.transport import Transport
from blocks.waits import retry_after
from sluice.credentials import RegistryCredentials
from sluice.errors import TerminalError, TransientError
from sluice.images.reference import Repository

CALL, NEARBY = 5.0, 2.0
"""Seconds to connect to a cloud's service, and to what is next to this machine, and for one read."""


@dataclass(frozen=True, slots=True)
class Given:
    """A login, and the seconds that it is good for."""

    login: RegistryCredentials
    seconds: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks a cloud's services for one repository.

    Attributes:
        where: the repository that the login is for.
        way: how services of the internet are reached; what is next to this machine is reached without a proxy.
    """

    outside: Transport
    nearby: Transport
    where: Repository
    way: Way

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], *, near: bool = False, **more: Any
    ) -> Answer:
        """A good answer.

        Raises:
            TransientError: none, or not now.
            TerminalError: a refusal. What was sent and what came back is in no message: both are secrets.
        """
        transport, way = (self.nearby, USUAL) if near else (self.outside, self.way)
        answer = await transport.ask(method, url, self.where, headers, way, **more)
        if answer.is_success:
            return answer
        host, path = urlsplit(url).hostname, urlsplit(url).path
        said = f"no login for {self.where}: {host} answered {answer.status} to {method} {path}"
        if answer.status == 429 or answer.status >= 500:
            raise TransientError(said, retry_after=retry_after(answer.headers))
        raise TerminalError(f"{said}: may this process, by its role or identity, pull from there?")

    def missing(self, what: str) -> TerminalError:
        """The error for an answer without what it must have."""
        return TerminalError(f"no login for {self.where}: {what}")


@asynccontextmanager
async def calling(where: Repository, way: Way = USUAL) -> AsyncIterator[Caller]:
    """A caller with connections of its own, for the duration of the block."""
    outside, nearby = Transport(CALL), Transport(NEARBY, environment=False)
    try:
        yield Caller(outside, nearby, where, way)
    finally:
        await outside.close()
        await nearby.close()


class Login(Protocol):
    """One cloud."""

    def scope(self, where: Repository) -> str:
        """What one login is good for, such as all repositories of an account in a region.

        Raises:
            InvalidError: the repository is none of this cloud's.
        """

    async def login(self, where: Repository, caller: Caller) -> Given:
        """The login of who this process is.

        Raises:
            TransientError: the cloud does not answer.
            TerminalError: it refuses, or this process is nobody there.
        """


def fields(answer: Answer, caller: Caller) -> dict[str, Any]:
    """The JSON object that an answer is.

    Raises:
        TerminalError: it is none.
    """
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise caller.missing(f"{urlsplit(answer.url).hostname} answered with no JSON object")
    return body


def text_of(file: str, name: str, caller: Caller) -> str:
    """What a file says that the environment names, such as a token that the kubelet renews.

    Args:
        file: where it is.
        name: of the variable, for the error.

    Raises:
        TerminalError: it cannot be read.
    """
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise caller.missing(f"{name} cannot be read ({type(error).__name__})") from None
