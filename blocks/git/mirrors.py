"""Git repositories: follow a branch, lay out a commit's files, commit an edit and push it.

A commit is made in the mirror without a working directory and pushed on the condition that the branch still is where the
edit started from; if it moved, the edit is made again on what is there now. So no commit is ever lost, however many others
pushes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from blocks.git import files as git_files
from blocks.git import references
from blocks.git.checkout import Checkout, Plan
from blocks.git.commit import Author, write_commit
from blocks.git.mirror import Mirror, Remote, checked_branch, hold
from blocks.git.program import GitProgram
from blocks.git.references import Found, Wanted
from blocks.trees import Trees
from sluice.errors import ConflictError
from sluice.recent import Recent
from sluice.sync.bounds import Bounds

__all__ = ["Author", "Commit", "Files", "Git", "Remote"]

Files = Mapping[str, str]
"""Path in the repository → text of the file."""
_REFERENCES = 5000


@dataclass(frozen=True, slots=True)
class Commit:
    """What an edit came to.

    Attributes:
        id: the commit that the branch is at, with the edit in it.
        files: paths that the edit changed; empty where the branch had everything already.
        tries: how often the edit was done because somebody else pushed meanwhile.
    """

    id: str
    files: tuple[str, ...]
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change to be made in a repository.

    Attributes:
        branch: what to start from.
        change: gets the files that hold `mark`, gives those that it changed; called again on a newer tree where somebody
            else pushed meanwhile.
        message: of the commit; asked after the last `change`.
        author: of the commit.
        mark: text that a YAML file must hold to be edited.
        under: directory in the repository; empty for all of it.
        push_to: branch to push to; empty for `branch`. Another branch is overwritten with `branch` and the change.
    """

    branch: str
    change: Callable[[Files], Files]
    message: Callable[[], str]
    author: Author
    mark: str
    under: str = ""
    push_to: str = ""


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

    async def find(self, remote: Remote, wanted: Wanted) -> Found:
        """Bring what a reference points at here: as it was when this was called, or later.

        Those who ask at the same time share one exchange with the server.

        Raises:
            the errors of `fetch`.
        """
        asked = time.monotonic()
        async with self.hold(remote) as mirror:
            began, found = self._heard.get((remote, wanted), (0.0, None))
            if found is None or began < asked:
                began = time.monotonic()
                found = await references.find(mirror, wanted)
                self._heard[remote, wanted] = (began, found)
            return found

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

        The first try starts from what we last heard of the branch: the push finds out whether that was still true.

        Raises:
            ConflictError: others pushed again and again; nothing was lost, nothing was written.
            and the errors of `fetch`.
        """
        target = checked_branch(edit.push_to or edit.branch)
        async with self.hold(remote) as mirror:
            base = await mirror.known(edit.branch)
            tries = 0
            while True:
                fresh = base is None
                base = base or await mirror.fetch(edit.branch)
                tries += 1
                changed = await self._changed(mirror, base, edit)
                if not changed and fresh:
                    return Commit(base, (), tries)
                try:
                    if changed:
                        made = await self._write(mirror, base, edit, changed)
                        await mirror.push(made, target, base if target == edit.branch else None)
                        return Commit(made, tuple(sorted(changed)), tries)
                except ConflictError:
                    if tries > self._redo:
                        raise
                    await asyncio.sleep(random.uniform(0, 0.05 * tries))
                # What we know is old, or the edit is there already as far as we know: ask the server.
                base = None

    async def _write(self, mirror: Mirror, base: str, edit: Edit, changed: Mapping[str, tuple[str, str]]) -> str:
        return await write_commit(
            self._git,
            mirror.folder,
            base=base,
            files=changed,
            message=edit.message(),
            author=edit.author,
            moment=int(self._clock()),
        )

    async def _changed(self, mirror: Mirror, base: str, edit: Edit) -> dict[str, tuple[str, str]]:
        """Path → its mode and its new text, for each file that the edit changes."""
        paths = await mirror.holding(base, edit.mark, git_files.inside(edit.under or "."))
        if not paths:
            return {}
        found = await git_files.entries(self._git, mirror.folder, base, paths)
        data = await git_files.contents(self._git, mirror.folder, found)
        texts: dict[str, str] = {}
        for entry, content in zip(found, data, strict=True):
            # A file that is no text cannot hold a mark that anybody put there.
            with contextlib.suppress(UnicodeDecodeError):
                texts[entry.path] = content.decode()
        modes = {entry.path: entry.mode for entry in found}
        changed = edit.change(texts)
        return {path: (modes[path], text) for path, text in changed.items() if texts.get(path) != text}

    def hold(self, remote: Remote) -> contextlib.AbstractAsyncContextManager[Mirror]:
        """The mirror of a repository, ours alone until the block ends."""
        return hold(self._git, self._mirrors, remote)
