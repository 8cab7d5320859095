"""Logging in to a registry as its challenge says, and what is remembered of it for the next call.

A registry that wants a token costs three calls for each answer where nobody remembers: the refusal, the token, the answer.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from blocks.bounded_http import Answer
from blocks.registries.base import Way
from blocks.registries.transport import Transport, checked
from sluice.credentials import RegistryCredentials
from sluice.errors import TerminalError
from sluice.images.challenge import Challenge, challenges, token_server
from sluice.images.reference import Repository
from sluice.recent import Recent

Wanted = tuple[Repository, RegistryCredentials | None, Way, str]
"""What a login is for: one that is good for a repository is shown to no other. Some registries (ACR) give one for the list
of tags that is not good for manifests."""
REMEMBERED = 4096
SHORTEST, LONGEST = 60.0, 600.0
"""Seconds that a login is remembered: where a token does not say when it ends, and at most."""
CLIENT = "sluice"


@dataclass(slots=True)
class Tokens:
    """Authorization headers, and how to get them."""

    transport: Transport
    clock: Callable[[], float] = time.monotonic
    _known: Recent[Wanted, tuple[str, float]] = field(default_factory=lambda: Recent(REMEMBERED))

    def known(self, wanted: Wanted) -> str:
        """What was good for this repository and may still be; empty where nothing is known."""
        repository, login, _, _ = wanted
        if login and (token := login.registry_token.get_secret_value()):
            return _bearer(token, repository)
        header, until = self._known.get(wanted, ("", 0.0))
        return header if self.clock() < until else ""

    def forget(self, wanted: Wanted) -> None:
        """It was refused."""
        self._known.pop(wanted, None)

    async def login(self, refused: Answer, base: str, wanted: Wanted) -> str:
        """The Authorization header that the registry's challenge asks for.

        Raises:
            TerminalError: there is no way in, or not with this login.
            TransientError: the token server does not answer.
        """
        repository, login, _, _ = wanted
        offered = {one.scheme: one for one in reversed(challenges(_all(refused, "WWW-Authenticate")))}
        bearer, basic = offered.get("bearer"), offered.get("basic")
        if bearer and bearer.parameters.get("realm"):
            header, seconds = await self._token(bearer, base, wanted)
        elif basic and login and login.username:
            header, seconds = _basic(login), LONGEST
        else:
            raise TerminalError(f"registry {repository.registry} wants a login for {repository.path}: set a secretRef")
        self._known[wanted] = (header, self.clock() + min(seconds, LONGEST) * 0.9)
        return header

    async def _token(self, asked: Challenge, base: str, wanted: Wanted) -> tuple[str, float]:
        repository, login, way, _ = wanted
        trusted = login.token_servers if login else ()
        realm = token_server(
            repository.registry, base, asked.parameters["realm"], login=login is not None, trusted=trusted
        )
        about = {
            "service": asked.parameters.get("service", ""),
            "scope": asked.parameters.get("scope") or f"repository:{repository.path}:pull",
        }
        about = {name: value for name, value in about.items() if value}
        if login and (refresh := login.identity_token.get_secret_value()):
            form = {**about, "grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": refresh}
            answer = await self.transport.ask("POST", realm, repository, {}, way, data=form)
        else:
            headers = {"Authorization": _basic(login)} if login else {}
            answer = await self.transport.ask("GET", realm, repository, headers, way, params=_joined(realm, about))
        body = body_of(checked(answer, repository), repository)
        said: object = body.get("expires_in")
        seconds = float(said) if isinstance(said, int | float) and said > 0 else SHORTEST
        return _bearer(body.get("token") or body.get("access_token"), repository), seconds


def body_of(answer: Answer, repository: Repository) -> dict[str, Any]:
    """The JSON object that an answer is.

    Raises:
        TerminalError: it is none.
    """
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise TerminalError(
            f"{urlsplit(answer.url).hostname} does not speak as a registry for {repository}: no JSON"
        ) from error
    if not isinstance(body, dict):
        raise TerminalError(
            f"{urlsplit(answer.url).hostname} does not speak as a registry for {repository}: no JSON object"
        )
    return body


def _bearer(token: object, repository: Repository) -> str:
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise TerminalError(f"registry {repository.registry} gave no token for {repository.path} that can be used")
    return f"Bearer {token}"


def _basic(login: RegistryCredentials) -> str:
    pair = f"{login.username}:{login.password.get_secret_value()}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _joined(realm: str, about: Mapping[str, str]) -> list[tuple[str, str]]:
    """The parameters; what the realm's own query says stays."""
    return [*httpx.URL(realm).params.multi_items(), *about.items()]


def _all(answer: Answer, name: str) -> list[str]:
    headers: Any = answer.headers
    return list(headers.get_list(name))
