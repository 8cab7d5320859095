"""What every forge can do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from blocks.forges.marks.base import Marks

_MARK, _WITHDRAWN = "<!-- sluice: ", "<!-- sluice withdrew: "


class State(StrEnum):
    """How far something about a commit is."""

    PENDING = "pending"
    """It is under way."""
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    """It was given up: something newer took its place, or a person stopped it."""


class CommitStatus(BaseModel):
    """What people see next to a commit.

    Attributes:
        context: who says it, such as `sluice/team/shop`; a later status of the same context takes its place.
        state: how it goes.
        description: one sentence; what is too long for the forge is cut.
    """

    model_config = ConfigDict(frozen=True)
    context: str
    state: State
    description: str


class PullRequest(BaseModel):
    """A change that people are asked to take over; some forges say merge request.

    Attributes:
        branch: that has the change, in the same repository.
        into: the branch that it is for.
        title: one line.
        body: what it changes, and why.
        change: a name of the change itself. One that a person has closed is not proposed again.
        reviewers: who is asked to look at it when it is opened, as CODEOWNERS writes them: `@user`, `@owner/team`. Not once
            more later: people take themselves off, or have said what they had to say.
    """

    model_config = ConfigDict(frozen=True)
    branch: str
    into: str
    title: str
    body: str
    change: str
    reviewers: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """The line of the body by which a change is known again; people do not see it."""
        return f"{_MARK}{self.change} -->"

    @property
    def text(self) -> str:
        """The body with its mark."""
        return f"{self.body.rstrip()}\n\n{self.mark}"


def is_of_sluice(text: str) -> bool:
    """Whether a pull request with this body is one that sluice has proposed, and not a person."""
    return _MARK in text


def withdrawn(text: str) -> str:
    """The body of one that sluice closes itself: nobody has declined the change, so that it may be proposed once more."""
    return text.replace(_MARK, _WITHDRAWN)


def one_line(text: str, longest: int) -> str:
    """A sentence on one line, cut where it is too long for a forge."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


class Proposed(StrEnum):
    """What became of a pull request."""

    OPEN = "open"
    """People can merge it."""
    DECLINED = "declined"
    """A person has closed this very change without merging it."""


class Proposal(BaseModel):
    """Where people look at a pull request.

    Attributes:
        number: as people say it.
        address: of its page.
        state: whether it can be merged.
        unasked: reviewers that the forge does not ask: no member of the repository, a team that it has not, an address.
    """

    model_config = ConfigDict(frozen=True)
    number: int
    address: str
    state: Proposed = Proposed.OPEN
    unasked: tuple[str, ...] = ()


class Forge(Protocol):
    """One forge, with what is needed to get in."""

    @property
    def marks(self) -> Marks:
        """How it shows releases."""

    async def set_status(self, url: str, commit: str, status: CommitStatus) -> None:
        """Set a status of a commit. Doing it twice shows it once.

        Args:
            url: of the repository, however it is written.
            commit: its full hash.

        Raises:
            TransientError: the forge is away or asks to wait.
            TerminalError: it refuses us, or there is no such repository or commit; the error never has the token in it.
        """

    async def propose(self, url: str, wish: PullRequest) -> Proposal:
        """Open a pull request, or bring the one that is open to what it has to say: there is never a second one.

        Args:
            url: of the repository, however it is written.
            wish: what is proposed; its branch is pushed already.

        Raises:
            TransientError: the forge is away or asks to wait.
            TerminalError: it refuses us, or there is no such repository or branch; the error never has the token in it.
        """

    async def show_findings(self, url: str, branch: str, commit: str, findings: Mapping[str, Any]) -> None:
        """Show findings of code where the forge shows them; they take the place of earlier ones of this tool and category.

        Args:
            url: of the repository, however it is written.
            branch, commit: that was looked at.
            findings: SARIF 2.1.0, with one run.

        Raises:
            TransientError: the forge is away or asks to wait.
            TerminalError: it refuses us, or takes no such findings; the error never has the token in it.
        """

    async def withdraw(self, url: str, branch: str, into: str, why: str) -> Proposal | None:
        """Close the open pull request of a branch with a comment that says why. Idempotent; people's own are not touched.

        Returns:
            The one that was closed; None where none is open.

        Raises:
            TransientError: the forge is away or asks to wait.
            TerminalError: it refuses us, or there is no such repository; the error never has the token in it.
        """
