"""A file of flags in git: read at the newest commit of its branch, written as a commit that is fenced by the push."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blocks.flags.access import Access
from blocks.git import files as git_files
from blocks.git.commit import Author
from blocks.git.edits import Edit, Files
from sluice.errors import InvalidError, NotFoundError, TerminalError

AUTHOR = Author("sluice", "sluice@users.noreply.github.com")
NO_GIT = "this process has no connection to git: see `sluice worker --help`"
Change = Callable[[str, str], str]
"""The new text of a file by its path and its text."""


@dataclass(frozen=True, slots=True)
class GitFile:
    """The file of one environment.

    Attributes:
        access: the connection.
        names: what the file may be called where the connection does not say it; the first that is there.
    """

    access: Access
    names: tuple[str, ...]

    def path(self, environment: str) -> str:
        """In the repository; empty where nobody says it.

        Raises:
            InvalidError: it leads out of the repository.
        """
        said = self.access.reference.of(self.access.reference.path, environment)
        return git_files.inside(said) if said else ""

    def where(self, environment: str) -> str:
        """What messages call it."""
        return self.path(environment) or self.names[0]

    async def text(self, environment: str) -> tuple[str, str]:
        """Path and text as the branch is now, without any translation of line ends.

        Raises:
            NotFoundError: there is no such file.
            InvalidError: it is no text, or no regular file.
            and the errors of `blocks.git.mirrors.Git.fetch`.
        """
        access = self.access
        if access.git is None or access.remote is None:
            raise TerminalError(NO_GIT)
        # Such a file seldom moves, and users wait for its kill switch.
        commit = await access.git.newest(access.remote, access.reference.branch)
        wanted = self._paths(environment)
        async with access.git.hold(access.remote) as mirror:
            paths = [f":(literal){path}" for path in wanted]
            found = {one.path: one for one in await git_files.entries(mirror.git, mirror.folder, commit, paths)}
            there = next((found[path] for path in wanted if path in found), None)
            if there is None:
                raise self._not_there(wanted)
            if there.mode == git_files.LINK:
                raise InvalidError(
                    f"{there.path} is a symbolic link: name the file that it leads to in spec.service.path"
                )
            (content,) = await git_files.contents(mirror.git, mirror.folder, [there])
        try:
            return there.path, content.decode()
        except UnicodeDecodeError:
            raise InvalidError(f"{there.path} is not UTF-8") from None

    async def write(self, environment: str, change: Change, message: str) -> None:
        """Commit a change and push it. It is made on what we last heard, and once more where that was not the newest.

        Args:
            environment: whose file.
            change: gives the new text of a path and its text; what it raises stops the write.
            message: of the commit.

        Raises:
            NotFoundError: there is no such file, or an empty one.
            TerminalError: it would be changed, and the object says that nothing may be.
            ConflictError: others pushed again and again.
        """
        access, paths = self.access, self._paths(environment)
        if access.git is None or access.remote is None:
            raise TerminalError(NO_GIT)

        def changed(files: Files) -> Files:
            path = next((one for one in paths if files.get(one)), None)
            if path is None:
                raise self._not_there(paths)
            text = change(path, files[path])
            if text != files[path]:
                access.checked_to_write()
            return {path: text}

        edit = Edit(
            branch=access.reference.branch,
            change=changed,
            message=lambda: message,
            author=AUTHOR,
            mark="",
            also=paths,
        )
        await access.git.commit(access.remote, edit)

    def _paths(self, environment: str) -> tuple[str, ...]:
        """Where the file may be; the first that is there is it."""
        said = self.path(environment)
        return (said,) if said else self.names

    def _not_there(self, paths: Sequence[str]) -> NotFoundError:
        where = f"{self.access.reference.address} on branch {self.access.reference.branch}"
        return NotFoundError(f"{where} has no {' or '.join(paths)}: see spec.service.path")
