"""What every registry can do."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from pydantic import SecretStr

from sluice.credentials import RegistryCredentials
from sluice.images.reference import Repository


@dataclass(frozen=True, slots=True)
class Way:
    """How the connections to a registry are made, where that is not as usual.

    Attributes:
        authority: PEM of certificates that are trusted besides the system's own.
        certificate: PEM of the client's certificate; empty for none.
        key: PEM of its key.
        proxy: address of a proxy, with its login in it; empty for what the environment says.
    """

    authority: str = ""
    certificate: str = ""
    key: SecretStr | None = None
    proxy: SecretStr | None = None


USUAL = Way()


@dataclass(frozen=True, slots=True)
class Listing:
    """The tags of a repository at one moment.

    Attributes:
        tags: each once, in no order; what no image reference can have as a tag is left out.
        mark: what the registry calls this state of the list (its ETag); empty where it has no name for it.
    """

    tags: tuple[str, ...]
    mark: str = ""


class Registry(Protocol):
    """All registries of one provider. It holds connections: open it with `async with`."""

    async def listing(
        self,
        repository: Repository,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
        way: Way = USUAL,
        known: str = "",
    ) -> Listing | None:
        """All tags of a repository; None where they are still those of the listing with the mark `known`.

        Raises:
            NotFoundError: the registry has no such repository.
            TransientError: it does not answer.
            TerminalError: it refuses us.
        """

    async def digest(
        self,
        repository: Repository,
        tag: str,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
        way: Way = USUAL,
    ) -> str:
        """The digest that a tag names now.

        Raises:
            NotFoundError: there is no such tag.
            TransientError, TerminalError: as `listing`.
        """

    async def __aenter__(self) -> Self:
        """Get ready."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""


async def tags_of(
    registry: Registry,
    repository: Repository,
    credentials: RegistryCredentials | None = None,
    *,
    insecure: bool = False,
    way: Way = USUAL,
) -> list[str]:
    """All tags of a repository, in no order, for those who remember no earlier listing; errors are those of `listing`."""
    found = await registry.listing(repository, credentials, insecure=insecure, way=way)
    return list(found.tags) if found else []
