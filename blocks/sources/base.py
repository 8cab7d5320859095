"""What every source of manifests can do."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sluice.sync.artifact import Fetch


class Source(Protocol):
    """One source, with what is needed to get into it."""

    async def look(self) -> str:
        """The revision that the server has now, asked as cheaply as it allows: nothing is brought, nothing is verified.

        Raises:
            as `latest`.
        """

    async def latest(self, expected: str = "") -> str:
        """The revision that the source is at when this is called, or a later one, brought here: `main@sha1:8084f1…`.

        Args:
            expected: a commit that an event says it is at. Where it was found there a moment ago, that may be enough; then
                `fetched` says when it was.

        Raises:
            NotFoundError: the source names what is not there.
            InvalidError: it asks for what sluice cannot do, or has more than is allowed.
            UnverifiedError: it has no signature of somebody who is trusted.
            TerminalError: its server refused us.
            TransientError: its server did not answer.
        """

    async def tree(self, revision: str) -> Path:
        """A directory with the files of a revision that `latest` gave. It is shared: read only.

        Raises:
            NotFoundError: the revision was not brought here.
            InvalidError: a symbolic link leads out of it, or it is more than is allowed.
        """

    async def fetched(self, revision: str) -> Fetch:
        """What the status of the source says of a revision that `latest` gave.

        Raises:
            as `tree`.
        """
