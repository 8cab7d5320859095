"""What every forge can do."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict


class CommitStatus(BaseModel):
    """What people see next to a commit.

    Attributes:
        context: who says it, such as `sluice/team/shop`; a later status of the same context takes its place.
        success: whether all is well.
        description: one sentence; what is too long for the forge is cut.
    """

    model_config = ConfigDict(frozen=True)
    context: str
    success: bool
    description: str


class Forge(Protocol):
    """One forge, with what is needed to get in."""

    async def set_status(self, url: str, commit: str, status: CommitStatus) -> None:
        """Set a status of a commit. Doing it twice shows it once.

        Args:
            url: of the repository, however it is written.
            commit: its full hash.

        Raises:
            TransientError: the forge is away or asks to wait.
            TerminalError: it refuses us, or there is no such repository or commit; the error never has the token in it.
        """
