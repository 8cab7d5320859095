"""The bare copy of one remote repository on this machine, and the exchanges with its server.

The copy makes a fetch bring only what is new. It belongs to one holder at a time, among all processes of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from blocks.git.files import LOCAL_TIMEOUT
from blocks.git.moved import moved_to
from blocks.git.program import GitProgram
from sluice.addresses import without_login
from sluice.credentials import GitCredentials
from sluice.errors import InvalidError, SluiceError, TerminalError, TransientError
from sluice.sync.source_url import normalise

_BRANCH = re.compile(r"(?![-./]|@$)(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![./])")
_BROKEN = (
    "is corrupt",
    "bad object",
    "bad tree object",
    "bad config",
    "bad index file",
    "invalid sha1 pointer",
    "not a git repository: ",
    "not a git repository (or",
    "unable to read",
    "reference broken",
    "missing blob",
    "shallow file has changed",
    "index file is too small",
    "did not send all necessary objects",
)
"""What git says of a mirror that is not whole, here and not on the server."""
_LOCK_POLL = 0.01
"""Seconds between two looks whether the mirror is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A repository on a server, and how to get in.

    Attributes:
        url: without user and password; those belong into `credentials`.
        credentials: None where the server lets everybody in.
        timeout: seconds for one exchange with the server.
        owner: whose login it is; what one of them brought here is not there for another.
    """

    url: str
    credentials: GitCredentials | None = None
    timeout: float = 60.0
    owner: str = ""

    @classmethod
    def of(
        cls, url: str, credentials: GitCredentials | None = None, timeout: float = 60.0, *, owner: str = ""
    ) -> Remote:
        """From a URL that may have a login in it, which is taken out of it; credentials that are given go before it."""
        bare, login = without_login(url)
        if login and not credentials:
            credentials = GitCredentials(username=login[0], password=SecretStr(login[1]))
            owner = hashlib.sha256("\0".join(login).encode()).hexdigest()
        return cls(url=bare, credentials=credentials, timeout=timeout, owner=owner)

    @property
    def key(self) -> str:
        """A name for files: equal for all ways to write the URL."""
        text = normalise(self.url) + (f"\0{self.owner}" if self.owner else "")
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Mirror:
    """The copy of one repository, held by us."""

    git: GitProgram
    folder: Path
    remote: Remote

    async def local(self, *arguments: str, stdin: bytes = b"", allowed: tuple[int, ...] = (0,)) -> bytes:
        """A call of git that talks to no server."""
        return await self.git.run(*arguments, folder=self.folder, timeout=LOCAL_TIMEOUT, stdin=stdin, allowed=allowed)

    async def known(self, branch: str) -> str | None:
        """The commit that the branch was at when we last heard of it; None where we never did."""
        out = await self.local("for-each-ref", "--format=%(objectname)", _tracking(branch))
        return out.decode().strip() or None

    async def fetch(self, branch: str) -> str:
        """Bring the branch here; the commit that it is at now."""
        kept = _tracking(branch)
        await self.bring(f"refs/heads/{branch}", kept)
        commit = await self.known(branch)
        if commit is None:
            raise TransientError(f"{self.remote.url}: branch {branch} vanished while it was fetched")
        return commit

    async def bring(self, wanted: str, kept: str, *depth: str) -> None:
        """Bring a reference, or an object by its id, and keep it here under another name.

        Only what it is now is brought: a branch that somebody rewrote may have a long other past. What is found broken here,
        by a machine that lost its power or a process that was killed, is thrown away and made once more.
        """
        fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *(depth or ("--depth=1",)))
        try:
            await self._exchange(*fetch, "--", self.remote.url, f"+{wanted}:{kept}")
        except SluiceError as error:
            if not any(sign in str(error) for sign in _BROKEN):
                raise
            await make(self.git, self.folder)
            await self._exchange(*fetch, "--", self.remote.url, f"+{wanted}:{kept}")

    async def push(
        self, commit: str, branch: str, expected: str | None, options: Mapping[str, str] | None = None
    ) -> None:
        """Move the server's branch to the commit.

        Args:
            commit: what was made here.
            branch: of the server.
            expected: move it only from there; None to move it from wherever it is, also where it is not.
            options: push options for the server.

        Raises:
            ConflictError: the branch is not at `expected`.
        """
        ref = f"refs/heads/{branch}"
        lease = f"--force-with-lease={ref}:{expected}" if expected else "--force"
        await self._push(lease, f"{commit}:{ref}", options or {})
        await self.local("update-ref", _tracking(branch), commit)

    async def delete(self, branch: str, expected: str) -> None:
        """Delete a branch of the server, if it is at this commit.

        Raises:
            ConflictError: it is not.
        """
        ref = f"refs/heads/{checked_branch(branch)}"
        await self._push(f"--force-with-lease={ref}:{expected}", f":{ref}", {})
        await self.local("update-ref", "-d", _tracking(branch))

    async def push_ref(self, commit: str, ref: str, options: Mapping[str, str], *, force: bool = False) -> None:
        """Push the commit to any reference of the server.

        Raises:
            ConflictError: the reference is at what the commit does not follow, and it was not to be forced.
        """
        await self._push("--force" if force else "--no-force", f"{commit}:{ref}", options)

    async def _push(self, how: str, refspec: str, options: Mapping[str, str]) -> None:
        given = [
            f"--push-option={name}={value}" if value else f"--push-option={name}" for name, value in options.items()
        ]
        await self._exchange("push", "--quiet", "--no-verify", how, *given, "--", self.remote.url, refspec)

    async def holding(self, commit: str, mark: str, under: str) -> list[str]:
        """The YAML files below a directory (`.` for all), or the one file, that hold the text `mark`."""
        root = "" if under == "." else f"{escaped(under)}/"
        patterns = [f":(glob){root}**/{name}" for name in ("*.yaml", "*.yml", "Kustomization")]
        patterns += [f":(literal){under}"] if under.endswith((".yaml", ".yml", "Kustomization")) else []
        # 1 is git grep's way to say that it found nothing.
        out = await self.local("grep", "-l", "-z", "-F", "-e", mark, commit, "--", *patterns, allowed=(0, 1))
        return [os.fsdecode(line).partition(":")[2] for line in out.split(b"\0") if line]

    async def _exchange(self, *arguments: str) -> None:
        await exchange(self.git, self.folder, self.remote, *arguments)


async def exchange(git: GitProgram, folder: Path, remote: Remote, *arguments: str) -> bytes:
    """A call of git that talks to the server. A repository that was renamed on its host is followed there, with the login.

    Args:
        git: the program.
        folder: to run it in.
        remote: whose server it is.
        arguments: of git; the URL of the repository is one of them.
    """
    talk = partial(git.run, folder=folder, timeout=remote.timeout, remote=remote.url, credentials=remote.credentials)
    try:
        return await talk(*arguments)
    except TerminalError as error:
        if remote.credentials is None or "returned error: 30" not in str(error):
            raise
        there = await moved_to(remote.url, remote.credentials, remote.timeout)
        if not there:
            raise
        return await talk(*(there if one == remote.url else one for one in arguments))


@contextlib.asynccontextmanager
async def hold(git: GitProgram, mirrors: Path, remote: Remote) -> AsyncIterator[Mirror]:
    """The mirror of a repository, made where it is missing, ours alone until the block ends.

    Raises:
        TransientError: somebody else holds it for longer than two exchanges may take.
    """
    folder = mirrors / f"{remote.key}.git"
    now = asyncio.get_running_loop().time
    patience = now() + 2 * remote.timeout
    with folder.with_suffix(".lock").open("w") as lock:
        while not _locked(lock.fileno()):
            if now() > patience:
                raise TransientError(f"the mirror of {remote.url} is in use for too long")
            await asyncio.sleep(_LOCK_POLL)
        if (folder / "HEAD").exists():
            await asyncio.to_thread(_unlock, folder)
        else:
            await make(git, folder)
        yield Mirror(git, folder, remote)


async def make(git: GitProgram, folder: Path) -> None:
    """An empty mirror, in the place of what is there."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await git.run("init", "--quiet", "--bare", str(folder), folder=folder.parent, timeout=LOCAL_TIMEOUT)


def _unlock(folder: Path) -> None:
    """Take away what a git that was killed left behind. The mirror is ours: what made a lock in it is gone."""
    for pattern in ("*.lock", "refs/**/*.lock", "objects/info/*.lock", "objects/pack/tmp_*", "objects/tmp_*"):
        for left in folder.glob(pattern):
            with contextlib.suppress(FileNotFoundError, IsADirectoryError, PermissionError):
                left.unlink()


def escaped(path: str) -> str:
    """The path as a pattern that matches nothing else."""
    return re.sub(r"([*?\[\\])", r"\\\1", path)


def checked_branch(branch: str) -> str:
    """The branch, if it is the name of one (git-check-ref-format).

    Raises:
        InvalidError: it is not.
    """
    if not _BRANCH.fullmatch(branch):
        raise InvalidError(f"{branch!r} is not the name of a branch")
    return branch


def _tracking(branch: str) -> str:
    return kept_as(f"refs/heads/{checked_branch(branch)}")


def kept_as(ref: str) -> str:
    """Where the mirror keeps a reference of the server.

    Not under its own name: git cannot keep `release/1.0` where it has a `release`, even where that is gone on the server.
    """
    return f"refs/sluice-kept/{hashlib.sha256(ref.encode()).hexdigest()[:40]}"


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
