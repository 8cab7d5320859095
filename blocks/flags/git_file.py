"""A file of flags in git: read at the newest commit of its branch, written as a commit that is fenced by the push."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from blocks.flags.access import Access
from blocks.git import files as git_files
from blocks.git.commit import Author
from blocks.git.edits import Edit, Files
from sluice.errors import InvalidError, NotFoundError, TerminalError

AUTHOR = Author("sluice", "sluice@users.noreply.github.com")
NO_MARK = "sluice: no file is found by a mark"


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
        """Path and text, without any translation of line ends.

        Raises:
            NotFoundError: there is no such file.
            InvalidError: it is no text, or no regular file.
            and the errors of `blocks.git.mirrors.Git.fetch`.
        """
        access = self.access
        if access.git is None or access.remote is None:
            raise TerminalError("this process has no connection to git: see `sluice worker --help`")
        commit = await access.git.fetch(access.remote, access.reference.branch)
        said = self.path(environment)
        async with access.git.hold(access.remote) as mirror:
            wanted = [said] if said else list(self.names)
            paths = [f":(literal){path}" for path in wanted]
            found = {one.path: one for one in await git_files.entries(mirror.git, mirror.folder, commit, paths)}
            there = next((found[path] for path in wanted if path in found), None)
            if there is None:
                where = f"{access.remote.url} on branch {access.reference.branch}"
                raise NotFoundError(f"{where} has no {' or '.join(wanted)}: see spec.service.path")
            if there.mode == git_files.LINK:
                raise InvalidError(
                    f"{there.path} is a symbolic link: name the file that it leads to in spec.service.path"
                )
            (content,) = await git_files.contents(mirror.git, mirror.folder, [there])
        try:
            return there.path, content.decode()
        except UnicodeDecodeError:
            raise InvalidError(f"{there.path} is not UTF-8") from None

    async def write(self, path: str, change: Callable[[str], str], message: str) -> None:
        """Commit a change and push it; it is made once more on what somebody else pushed meanwhile.

        Args:
            path: of the file.
            change: gives the new text of a text; what it raises stops the write.
            message: of the commit.

        Raises:
            ConflictError: others pushed again and again.
        """
        access = self.access
        access.checked_to_write()
        if access.git is None or access.remote is None:
            raise TerminalError("this process has no connection to git: see `sluice worker --help`")

        def changed(files: Files) -> Files:
            return {path: change(files[path])}

        branch = access.reference.branch
        folder = path.rpartition("/")[0]
        edit = Edit(
            branch=branch,
            change=changed,
            message=lambda: message,
            author=AUTHOR,
            mark=NO_MARK,
            under=folder,
            also=(path,),
        )
        await access.git.commit(access.remote, edit)
