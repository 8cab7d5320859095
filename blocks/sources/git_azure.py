"""Logs in to Azure DevOps as who sluice is to Azure (`spec.provider: azure`): by a token of Entra ID."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import SecretStr

from blocks.registries.base import Way
from blocks.registries.logins.azure import Azure
from blocks.registries.logins.base import calling
from sluice.credentials import GitCredentials, Proxy
from sluice.errors import InvalidError
from sluice.images.reference import Repository
from sluice.recent import Recent

DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""What Entra ID calls Azure DevOps."""
KEPT = 300.0
"""Seconds that a token is used; Entra ID gives none for less than an hour."""
_tokens: Recent[tuple[str, Proxy | None], tuple[SecretStr, float]] = Recent(100)


async def azure_devops(url: str, proxy: Proxy | None, clock: Callable[[], float] = time.monotonic) -> GitCredentials:
    """The login for a repository.

    Raises:
        InvalidError: it is not reached by https.
        TransientError: Azure does not answer.
        TerminalError: it refuses, or this process is nobody there.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"}:
        raise InvalidError("spec.provider azure logs in by https: write spec.url as https://dev.azure.com/…")
    known = (parts.hostname or "", proxy)
    token, until = _tokens.get(known, (SecretStr(""), 0.0))
    if clock() >= until:
        way = Way(proxy=SecretStr(proxy.address_with_login)) if proxy else Way()
        async with calling(Repository(registry=known[0], path=parts.path.strip("/")), way) as caller:
            token = SecretStr(await Azure(os.environ).token(DEVOPS, caller))
        _tokens[known] = (token, clock() + KEPT)
    return GitCredentials(bearer_token=token)
