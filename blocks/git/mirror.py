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
from pathlib import Path

from pydantic import SecretStr

from blocks.git.files import LOCAL_TIMEOUT
from blocks.git.program import GitProgram
from sluice.addresses import without_login
from sluice.credentials import GitCredentials
from sluice.errors import InvalidError, TransientError
from sluice.sync.source_url import normalise

_BRANCH = re.compile(r"(?![-./]|@$)(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![./])")
_LOCK_POLL = 0.01
"""Seconds between two looks whether the mirror is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A repository on a server, and how to get in.

    Attributes:
        url: without user and password; those belong into `credentials`.
        credentials: None where the server lets everybody in.
        timeout: seconds for one exchange with the server.
    """

    url: str
    credentials: GitCredentials | None = None
    timeout: float = 60.0

    @classmethod
    def of(cls, url: str, credentials: GitCredentials | None = None, timeout: float = 60.0) -> Remote:
        """From a URL that may have a login in it, which is taken out of it; credentials that are given go before it."""
        bare, login = without_login(url)
        if login and not credentials:
            credentials = GitCredentials(username=login[0], password=SecretStr(login[1]))
        return cls(url=bare, credentials=credentials, timeout=timeout)

    @property
    def key(self) -> str:
        """A name for files: the same for all ways to write the URL."""
        return hashlib.sha256(normalise(self.url).encode()).hexdigest()[:24]


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
        shallow = [] if await self.known(branch) else ["--depth=1"]
        ref = f"+refs/heads/{branch}:{_tracking(branch)}"
        await self._exchange(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *shallow, "--", self.remote.url, ref
        )
        commit = await self.known(branch)
        if commit is None:
            raise TransientError(f"{self.remote.url}: branch {branch} vanished while it was fetched")
        return commit

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
        await self.git.run(
            *arguments,
            folder=self.folder,
            timeout=self.remote.timeout,
            remote=self.remote.url,
            credentials=self.remote.credentials,
        )


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
        if not (folder / "HEAD").exists():
            shutil.rmtree(folder, ignore_errors=True)
            await git.run("init", "--quiet", "--bare", str(folder), folder=mirrors, timeout=LOCAL_TIMEOUT)
        yield Mirror(git, folder, remote)


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
    return f"refs/sluice/{checked_branch(branch)}"


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
