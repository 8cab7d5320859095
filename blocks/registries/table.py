"""The registries, by `spec.provider` of Flux's ImageRepository. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from blocks.registries.base import Registry, Way
from blocks.registries.distribution import Distribution
from sluice.credentials import RegistryCredentials
from sluice.images.reference import Repository

GENERIC = "generic"
REGISTRIES: Mapping[str, Callable[[], Registry]] = {
    GENERIC: Distribution,
}


@dataclass(frozen=True, slots=True)
class Registries:
    """The registries of this process, open."""

    by_provider: Mapping[str, Registry]

    def __call__(self, provider: str) -> Registry:
        """The registry of a provider.

        Providers differ in how one logs in only. One without a row is spoken to as any registry, with what the Secret says,
        and `spec.provider` is named in the ImageRepository's conditions as a field that is not acted on.
        """
        return self.by_provider.get(provider) or self.by_provider[GENERIC]

    async def login(self, provider: str, where: Repository, way: Way) -> RegistryCredentials | None:
        """The login that a provider gives us for a repository; None where Secrets say it."""
        return None


@asynccontextmanager
async def open_registries() -> AsyncIterator[Registries]:
    """All of the table, for the duration of the block."""
    async with AsyncExitStack() as stack:
        yield Registries({name: await stack.enter_async_context(make()) for name, make in REGISTRIES.items()})
