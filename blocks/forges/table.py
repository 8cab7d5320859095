"""The forges, by the host of a repository's URL. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from blocks.forges.base import Forge
from blocks.forges.github import GitHub
from sluice.sync.source_url import normalise

FORGES: Mapping[str, Callable[[httpx.AsyncClient, SecretStr], Forge]] = {
    "github.com": GitHub,
}


@dataclass(frozen=True, slots=True)
class Forges:
    """The forges that this installation can get into, by host."""

    by_host: Mapping[str, Forge]

    def __call__(self, url: str) -> Forge | None:
        """The forge of a repository; None where it is on none of them."""
        return self.by_host.get(urlsplit(normalise(url)).netloc.rpartition("@")[2])


def forges(http: httpx.AsyncClient, tokens: Mapping[str, SecretStr | None]) -> Forges:
    """Those of the table that there is a token for, by host. An empty token is none."""
    given = {host: token for host, token in tokens.items() if token and token.get_secret_value()}
    return Forges({host: FORGES[host](http, token) for host, token in given.items()})
