"""The forges, by the host of a repository's URL. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from blocks.forges.asking import Token
from blocks.forges.base import Forge
from blocks.forges.github import GitHub
from blocks.forges.gitlab import GitLab
from blocks.github_app import installation_token, is_of_app
from sluice.errors import InvalidError
from sluice.sync.source_url import normalise


class Make(Protocol):
    """Makes a forge."""

    def __call__(self, http: httpx.AsyncClient, token: Token, api: str = ..., from_where: str = ...) -> Forge:
        """Without an API's address it is the one of its public host; `from_where` is where the token is written."""


FORGES: Mapping[str, Make] = {
    "github.com": GitHub,
    "gitlab.com": GitLab,
}
TYPES: Mapping[str, str] = {"github": "github.com", "gitlab": "gitlab.com"}
"""What a Secret's `type` may be, for a forge at a host of one's own; these are the words of Flux's Providers."""
PATHS: Mapping[str, str] = {"github.com": "/api/v3", "gitlab.com": "/api/v4"}
"""Where the API of a forge at a host of one's own is."""


@dataclass(frozen=True, slots=True)
class Forges:
    """The forges that this installation can get into, by host.

    Attributes:
        http: to ask one with that somebody's Secret leads to.
    """

    by_host: Mapping[str, Forge]
    http: httpx.AsyncClient

    def __call__(self, url: str) -> Forge | None:
        """The forge of a repository; None where it is on none of them."""
        return self.by_host.get(_host(url))

    def with_login(self, url: str, login: Mapping[str, str], whence: str) -> Forge:
        """The forge of a repository, by the login of a Secret: `token`, and `type` and `address` where they are needed; or
        what Flux's Secret of a GitHub App has.

        Raises:
            InvalidError: a key is missing or says what is no forge.
        """
        host, token = _host(url), login.get("token", "").strip()
        if is_of_app(login):
            return of_app(self.http, login, whence, "" if host in FORGES else f"https://{host}{PATHS['github.com']}")
        if not token:
            raise InvalidError(f"{whence} has no `token`: put the forge's access token there")
        named = TYPES.get(login.get("type", "").strip(), "" if login.get("type", "").strip() else host)
        if named not in FORGES:
            raise InvalidError(
                f"{whence}: {host} is known as no forge: write its `type`, one of {', '.join(TYPES)}, and its `address` "
                "where its API is elsewhere"
            )
        address = login.get("address", "").strip() or ("" if host in FORGES else f"https://{host}{PATHS[named]}")
        if address and urlsplit(address).scheme not in {"http", "https"}:
            raise InvalidError(f"{whence}: `address` has to begin with https://")
        where = f"key `token` of {whence}"
        return FORGES[named](self.http, SecretStr(token), **({"api": address} if address else {}), from_where=where)


def forges(
    http: httpx.AsyncClient, tokens: Mapping[str, SecretStr | None], app: Mapping[str, str] | None = None
) -> Forges:
    """Those of the table that there is a token for, by host. An empty token is none.

    Args:
        app: the GitHub App of this installation, by the names of Flux's Secret: it goes before the token for github.com.
    """
    given = {host: token for host, token in tokens.items() if token and token.get_secret_value()}
    made = {host: FORGES[host](http, token) for host, token in given.items()}
    return Forges(made | ({"github.com": of_app(http, app, "SLUICE_GITHUB_APP_*")} if app else {}), http)


def of_app(http: httpx.AsyncClient, login: Mapping[str, str], whence: str, api: str = "") -> Forge:
    """GitHub as a GitHub App, whose tokens last for an hour each."""
    address = login.get("githubAppBaseURL", "").strip() or api
    login = {**login, **({"githubAppBaseURL": address} if address else {})}
    token = partial(installation_token, login, whence)
    return GitHub(http, token, **({"api": address} if address else {}), from_where=whence)


def _host(url: str) -> str:
    """The host of a repository's forge. The port of ssh says nothing of where its API is."""
    parts = urlsplit(normalise(url))
    return (parts.hostname or "") if parts.scheme == "ssh" else parts.netloc.rpartition("@")[2]
