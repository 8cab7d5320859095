"""Git repositories: follow a branch, lay out a commit's files, commit an edit and push it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from blocks.git import edits, references
from blocks.git.checkout import Checkout, Plan
from blocks.git.commit import Author
from blocks.git.edits import Commit, Edit, Files, Would
from blocks.git.mirror import Mirror, Remote, hold
from blocks.git.program import GitProgram
from blocks.git.references import Found, Wanted
from blocks.trees import Trees
from sluice.recent import Recent
from sluice.sync.bounds import Bounds

__all__ = ["Author", "Commit", "Edit", "Files", "Git", "Remote"]

Bring = Callable[[Mirror, Wanted], Awaitable[Found]]
_REFERENCES = 5000
_MOMENT = 30.0
"""Seconds for which it is believed that a reference is where it was found to be, where an event names it once more."""


class Git:
    """All git repositories that this process works with."""

    def __init__(
        self,
        home: Path,
        *,
        program: str = "git",
        protocols: frozenset[str] = frozenset({"https", "http", "ssh"}),
        redo: int = 8,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            home: directory for mirrors and laid out trees; created where it is missing, may be deleted at any time.
            program: the `git` program.
            protocols: URL schemes that a repository may have.
            redo: how often an edit is made again because somebody else pushed meanwhile.
            clock: seconds since the epoch, for the dates of commits.
        """
        self._mirrors = home / "mirrors"
        for folder in (home, self._mirrors):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.trees = Trees(home / "trees", clock)
        self._git = GitProgram(path=program, home=home, protocols=protocols)
        self._redo = redo
        self._clock = clock
        self._heard: Recent[tuple[Remote, Wanted], tuple[float, Found]] = Recent(_REFERENCES)

    async def fetch(self, remote: Remote, branch: str) -> str:
        """Bring the branch here; the commit that it was at when this was called, or a later one.

        Those who ask at the same time share one exchange with the server.

        Raises:
            NotFoundError: there is no such repository or branch.
            InvalidError: the branch is no name of a branch.
            TerminalError: the server refused us.
            TransientError: the server did not answer.
        """
        return (await self.find(remote, Wanted(branch=branch))).commit

    async def newest(self, remote: Remote, branch: str) -> str:
        """As `fetch`, for a branch that seldom moves: where it is here already, less than half of that time.

        Raises:
            the errors of `fetch`.
        """
        return (await self.seen(remote, Wanted(branch=branch), bring=references.look_first))[0].commit

    async def find(self, remote: Remote, wanted: Wanted) -> Found:
        """Bring what a reference points at here: as it was when this was called, or later.

        Those who ask at the same time share one exchange with the server.

        Raises:
            the errors of `fetch`.
        """
        return (await self.seen(remote, wanted))[0]

    async def seen(
        self, remote: Remote, wanted: Wanted, expected: str = "", *, bring: Bring = references.find
    ) -> tuple[Found, float]:
        """As `find`, with the moment of the look.

        Args:
            remote: the repository.
            wanted: the reference.
            expected: a commit that it is said to be at. Where it was there a moment ago, the server is not asked once more.
            bring: how it is brought here.

        Returns:
            What was found, and a moment by `time.monotonic` after which it was so on the server.

        Raises:
            the errors of `fetch`.
        """
        asked = time.monotonic()
        async with self.hold(remote) as mirror:
            began, found = self._heard.get((remote, wanted), (0.0, None))
            as_said = found is not None and found.commit == expected and asked - began < _MOMENT
            if found is None or not (began >= asked or as_said):
                began = time.monotonic()
                found = await bring(mirror, wanted)
                self._heard[remote, wanted] = (began, found)
            return found, began

    async def look(self, remote: Remote, wanted: Wanted) -> Found:
        """What a reference points at now, in one exchange; nothing is brought.

        Raises:
            the errors of `fetch`.
        """
        return await references.look(self._git, self._mirrors, remote, wanted)

    async def tree(self, remote: Remote, commit: str) -> Path:
        """A directory with all files of a fetched commit. It is shared: read only. It stays for ten minutes at least.

        Raises:
            NotFoundError: the commit was not fetched.
            InvalidError: a symbolic link leads out of the repository, or it is too much.
        """

        async def build(root: Path) -> dict[str, str]:
            await self.checkout(Plan()).lay_out(remote, commit, root)
            return {}

        return (await self.trees.keep(remote.key, commit, build)).files

    def checkout(self, plan: Plan) -> Checkout:
        """Lays out the files of a fetched commit that are wanted."""
        return Checkout(self._git, self._mirrors, plan, Bounds())

    async def commit(self, remote: Remote, edit: Edit) -> Commit:
        """Edit files of a branch and push the result.

        Raises:
            ConflictError: others pushed again and again; nothing was lost, nothing was written.
            and the errors of `fetch`.
        """
        async with self.hold(remote) as mirror:
            began = time.monotonic()
            made = await edits.make(mirror, edit, redo=self._redo, moment=int(self._clock()))
            if made.files:  # pushed: what follows the branch need not ask where it is
                found = Found(shown=edit.target, ref=f"refs/heads/{edit.target}", commit=made.id)
                self._heard[remote, Wanted(branch=edit.target)] = (began, found)
            return made

    async def would_change(self, remote: Remote, edit: Edit) -> Would:
        """What an edit would come to now; nothing is written.

        Raises:
            the errors of `fetch`.
        """
        async with self.hold(remote) as mirror:
            return await edits.would_change(mirror, edit)

    def hold(self, remote: Remote) -> contextlib.AbstractAsyncContextManager[Mirror]:
        """The mirror of a repository, ours alone until the block ends."""
        return hold(self._git, self._mirrors, remote)
