"""In which order a pull request is proposed and withdrawn, whatever the forge: it is looked for before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from blocks.forges.asking import AlreadyError
from blocks.forges.base import Proposal, Proposed, PullRequest, is_of_sluice, withdrawn
from sluice.errors import TransientError


class Stage(StrEnum):
    """Where a pull request is on its way."""

    OPEN = "open"
    LOCKED = "locked"
    """It is being merged, or people may not write to it: it is open, and not for us to close."""
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A pull request that is there."""

    number: int
    address: str
    title: str
    text: str
    stage: Stage

    def proposal(self, state: Proposed = Proposed.OPEN) -> Proposal:
        """As it is handed on."""
        return Proposal(number=self.number, address=self.address, state=state)


class Desk(Protocol):
    """What a forge does with pull requests, each in one call."""

    async def made(self, url: str, branch: str, into: str) -> list[Made]:
        """Those from one branch of the repository into another, newest first."""

    async def make(self, url: str, wish: PullRequest) -> Proposal:
        """Open one, and ask for reviews; raise AlreadyError where there is one."""

    async def change(self, url: str, one: Made, wish: PullRequest) -> None:
        """Have it say what is wished, where it says anything else."""

    async def close(self, url: str, one: Made, why: str, text: str) -> Proposal:
        """Say why in it, and close it with another text."""


async def proposed(desk: Desk, url: str, wish: PullRequest) -> Proposal:
    """Open a pull request, or bring the one that is open to what it has to say.

    Raises:
        TransientError: the forge says that there is one, and does not list it.
    """
    try:
        return await _proposed(desk, url, wish)
    except AlreadyError:
        try:
            return await _proposed(desk, url, wish)  # another worker has made it at this very moment
        except AlreadyError as error:
            raise TransientError(f"{error}") from error  # its list of pull requests does not have it yet


async def _proposed(desk: Desk, url: str, wish: PullRequest) -> Proposal:
    made = await desk.made(url, wish.branch, wish.into)
    for one in made:
        if one.stage in {Stage.OPEN, Stage.LOCKED}:
            await desk.change(url, one, wish)
            return one.proposal()
    for one in made:
        if one.stage is Stage.CLOSED and wish.mark in one.text:
            return one.proposal(Proposed.DECLINED)
    return await desk.make(url, wish)


async def closed(desk: Desk, url: str, branch: str, into: str, why: str) -> Proposal | None:
    """Close the open pull request of a branch that sluice has proposed, and say why in it."""
    for one in await desk.made(url, branch, into):
        if one.stage is Stage.OPEN and is_of_sluice(one.text):
            return await desk.close(url, one, why, withdrawn(one.text))
    return None
