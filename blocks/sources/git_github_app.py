"""Logs in to git as a GitHub App (`spec.provider: github`), by the Secret that Flux has for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from blocks.github_app import installation_token
from sluice.credentials import GitCredentials, name_of, texts

USER = "x-access-token"


async def github_app(secret: Mapping[str, Any], clock: Callable[[], float] = time.time) -> GitCredentials:
    """The login of a GitHub App's installation; errors are those of `installation_token`."""
    return GitCredentials(username=USER, password=await installation_token(texts(secret), name_of(secret), clock))
