"""The registries, by `spec.provider` of Flux's ImageRepository, and the logins that clouds give for theirs.

All of them speak one API; a registry that speaks another one is a file and a row here, a cloud is one in `logins/`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from blocks.registries.base import USUAL, Registry, Way
from blocks.registries.distribution import Distribution
from blocks.registries.logins.base import CALL, NEARBY, Caller, Given, Login
from blocks.registries.logins.table import LOGINS
from blocks.registries.transport import Transport
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError
from sluice.images.reference import Repository
from sluice.manifests.flux.image_repository import GENERIC
from sluice.recent import Recent

REGISTRIES: Mapping[str, Callable[[], Registry]] = {
    GENERIC: Distribution,
}
LONGEST = 3600.0
"""Seconds that a login is kept at most: one that was withdrawn is missed no longer than that."""
REMEMBERED = 1024
Scope = tuple[str, Way]


@dataclass(slots=True)
class Registries:
    """The registries of this process, open, and the clouds that it may ask for logins."""

    by_provider: Mapping[str, Registry]
    logins: Mapping[str, Login] = field(default_factory=dict)
    outside: Transport = field(default_factory=lambda: Transport(CALL))
    nearby: Transport = field(default_factory=lambda: Transport(NEARBY, environment=False))
    clock: Callable[[], float] = time.monotonic
    _kept: Recent[Scope, tuple[RegistryCredentials, float]] = field(default_factory=lambda: Recent(REMEMBERED))
    _asking: defaultdict[Scope, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def __call__(self, provider: str) -> Registry:
        """The registry of a provider; one without a row is spoken to as any registry."""
        return self.by_provider.get(provider) or self.by_provider[GENERIC]

    async def login(self, provider: str, where: Repository, way: Way = USUAL) -> RegistryCredentials | None:
        """The login that a cloud gives us for a repository, asked for once while it is good; None where Secrets say it.

        Raises:
            InvalidError: there is no such provider, or the repository is none of its own.
            TransientError, TerminalError: it does not answer, or refuses.
        """
        if provider == GENERIC:
            return None
        cloud = self.logins.get(provider)
        if cloud is None:
            raise InvalidError(f"spec.provider {provider!r}: is one of {', '.join((GENERIC, *sorted(self.logins)))}")
        scope = (cloud.scope(where), way)
        async with self._asking[scope]:
            known, until = self._kept.get(scope, (None, 0.0))
            if known is not None and self.clock() < until:
                return known
            given: Given = await cloud.login(where, Caller(self.outside, self.nearby, where, way))
            self._kept[scope] = (given.login, self.clock() + min(given.seconds * 0.8, LONGEST))
            return given.login


@asynccontextmanager
async def open_registries(environment: Mapping[str, str] | None = None) -> AsyncIterator[Registries]:
    """All of the tables, for the duration of the block.

    Args:
        environment: where the clouds' own libraries would look for who this process is; its own where none is given.
    """
    found = os.environ if environment is None else environment
    async with AsyncExitStack() as stack:
        open_ones = {name: await stack.enter_async_context(make()) for name, make in REGISTRIES.items()}
        registries = Registries(open_ones, {name: make(found) for name, make in LOGINS.items()})
        stack.push_async_callback(registries.outside.close)
        stack.push_async_callback(registries.nearby.close)
        yield registries
