"""What every registry can do."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from sluice.credentials import RegistryCredentials
from sluice.images.reference import Repository


class Registry(Protocol):
    """All registries of one provider. It holds connections: open it with `async with`."""

    async def tags(
        self, repository: Repository, credentials: RegistryCredentials | None = None, *, insecure: bool = False
    ) -> list[str]:
        """All tags of a repository, in no order.

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
    ) -> str:
        """The digest that a tag names now.

        Raises:
            NotFoundError: there is no such tag.
            TransientError, TerminalError: as `tags`.
        """

    async def __aenter__(self) -> Self:
        """Get ready."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
