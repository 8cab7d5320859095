"""A branch of sluice's own with one change, which is brought up to date and never takes a person's work away.

The branch is moved only where its head is a commit that sluice made, known by a line of its message, and only from there:
what somebody pushes in that very moment is kept too. A person's commit on it makes the branch that person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from blocks.git import files as git_files
from blocks.git.commit import Author, write_commit
from blocks.git.mirror import Mirror, checked_branch
from sluice.errors import ConflictError, NotFoundError

_REGULAR = "100644"
NOWHERE = "0" * 40
"""What a push expects of a branch that is not there."""


class Did(StrEnum):
    """What became of a branch."""

    PUSHED = "pushed"
    """It is at the change."""
    SAME = "same"
    """It was at this very change."""
    KEPT = "kept"
    """A person's commit is its head: it was left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a branch is to have.

    Attributes:
        branch: that is pushed.
        base: commit that it starts from, which is here.
        files: path → new text; None where the file goes. A file keeps its mode.
        message: of the commit.
        mark: the line of the message by which this very change is known.
        ours: how the line begins by which any commit of sluice's on such a branch is known.
        author: also its committer.
    """

    branch: str
    base: str
    files: Mapping[str, str | None]
    message: str
    mark: str
    ours: str
    author: Author


@dataclass(frozen=True, slots=True)
class Put:
    """What came of it: what was done, and the commit that the branch is at."""

    did: Did
    commit: str


async def put(mirror: Mirror, change: Change, moment: int) -> Put:
    """Bring the branch to the change.

    Raises:
        ConflictError: somebody pushed to it in this moment; nothing was lost.
        InvalidError: a path leads out of the repository.
        and the errors of a fetch.
    """
    checked_branch(change.branch)
    there = await head(mirror, change.branch)
    if there:
        lines = await _message(mirror, there)
        if not any(line.startswith(change.ours) for line in lines):
            return Put(Did.KEPT, there)
        if change.mark in lines:
            return Put(Did.SAME, there)
    made = await _made(mirror, change, moment)
    await mirror.push(made, change.branch, there or NOWHERE)
    return Put(Did.PUSHED, made)


async def take_away(mirror: Mirror, branch: str, ours: str) -> bool:
    """Delete the branch where its head is a commit of sluice's; whether it is gone."""
    there = await head(mirror, branch)
    if there is None:
        return True
    if not any(line.startswith(ours) for line in await _message(mirror, there)):
        return False
    try:
        await mirror.delete(branch, there)
    except ConflictError:
        return False
    return True


async def head(mirror: Mirror, branch: str) -> str | None:
    """The commit that a branch of the server is at; None where there is no such branch."""
    try:
        return await mirror.fetch(branch)
    except NotFoundError:
        return None


async def _message(mirror: Mirror, commit: str) -> list[str]:
    raw = await mirror.local("cat-file", "commit", commit)
    return raw.partition(b"\n\n")[2].decode(errors="replace").splitlines()


async def _made(mirror: Mirror, change: Change, moment: int) -> str:
    paths = {git_files.inside(path): text for path, text in change.files.items()}
    literal = [f":(literal){path}" for path in paths]
    modes = {one.path: one.mode for one in await git_files.entries(mirror.git, mirror.folder, change.base, literal)}
    files = {path: (modes.get(path, _REGULAR), text) for path, text in paths.items()}
    return await write_commit(
        mirror.git,
        mirror.folder,
        base=change.base,
        files=files,
        message=change.message,
        author=change.author,
        moment=moment,
    )
