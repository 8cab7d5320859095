"""Git repositories: follow a branch, lay out a commit's files, commit an edit and push it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from blocks.git import edits
from blocks.git import files as git_files
from blocks.git.commit import Author
from blocks.git.edits import Commit, Edit, Files, Would
from blocks.git.mirror import Mirror, Remote, checked_branch, hold
from blocks.git.program import GitProgram
from sluice.recent import Recent

__all__ = ["Author", "Commit", "Edit", "Files", "Git", "Remote"]

_TREES_KEPT = 5
_TREE_AGE = 600.0
_BRANCHES = 5000
"""Seconds that a laid out tree is kept at least, so that nobody's files vanish under his hands."""


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
        self._mirrors, self._trees = home / "mirrors", home / "trees"
        for folder in (home, self._mirrors, self._trees):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._git = GitProgram(path=program, home=home, protocols=protocols)
        self._redo = redo
        self._clock = clock
        self._heard: Recent[tuple[Remote, str], tuple[float, str]] = Recent(_BRANCHES)

    async def fetch(self, remote: Remote, branch: str) -> str:
        """Bring the branch here; the commit that it was at when this was called, or a later one.

        Those who ask at the same time share one exchange with the server.

        Raises:
            NotFoundError: there is no such repository or branch.
            InvalidError: the branch is no name of a branch.
            TerminalError: the server refused us.
            TransientError: the server did not answer.
        """
        checked_branch(branch)
        asked = time.monotonic()
        async with self._mirror(remote) as mirror:
            began, commit = self._heard.get((remote, branch), (0.0, ""))
            if began < asked:
                began = time.monotonic()
                commit = await mirror.fetch(branch)
                self._heard[remote, branch] = (began, commit)
            return commit

    async def tree(self, remote: Remote, commit: str) -> Path:
        """A directory with the files of a fetched commit. It is shared: read only. It stays for ten minutes at least.

        Raises:
            NotFoundError: the commit was not fetched.
            InvalidError: a symbolic link leads out of the repository.
        """
        folder = self._trees / remote.key
        place = folder / commit
        if not place.is_dir():
            folder.mkdir(exist_ok=True)
            async with self._mirror(remote) as mirror:
                await git_files.lay_out(self._git, mirror.folder, commit, place)
            await asyncio.to_thread(_forget_old, folder, self._clock() - _TREE_AGE)
        return place

    async def commit(self, remote: Remote, edit: Edit) -> Commit:
        """Edit files of a branch and push the result.

        Raises:
            ConflictError: others pushed again and again; nothing was lost, nothing was written.
            and the errors of `fetch`.
        """
        async with self._mirror(remote) as mirror:
            return await edits.make(mirror, edit, redo=self._redo, moment=int(self._clock()))

    async def would_change(self, remote: Remote, edit: Edit) -> Would:
        """What an edit would come to now; nothing is written.

        Raises:
            the errors of `fetch`.
        """
        async with self._mirror(remote) as mirror:
            return await edits.would_change(mirror, edit)

    def _mirror(self, remote: Remote) -> contextlib.AbstractAsyncContextManager[Mirror]:
        return hold(self._git, self._mirrors, remote)


def _forget_old(folder: Path, before: float) -> None:
    """Delete all but the newest trees of a repository."""
    trees = sorted((one for one in folder.iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime, reverse=True)
    for tree in trees[_TREES_KEPT:]:
        if tree.stat().st_mtime < before:
            shutil.rmtree(tree, ignore_errors=True)
