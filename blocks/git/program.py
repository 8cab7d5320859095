"""Runs the `git` program: one call, one process, with nothing of the machine's own configuration in it.

No shell, no hooks, no prompts, no system or user configuration; only the protocols that the installation allows. What
is secret travels in the environment of the one process or in a file that only we can read, never on a command line, and
is taken out of every message.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from blocks.git.login import environment, secrets
from sluice.addresses import cleaned, shown
from sluice.credentials import GitCredentials
from sluice.errors import ConflictError, InvalidError, NotFoundError, SluiceError, TerminalError, TransientError

_MOST_OUT = 64 << 20
"""Bytes that git may write to its standard output, and to its standard error, in one call."""
_MOST_FILE = 1 << 30
"""Bytes of the largest file that git may write: what a server sends in one exchange."""
_GRACE = 2.0
"""Seconds that git has to put its locks away when it is asked to end."""
_MEANINGS: tuple[tuple[type[SluiceError], tuple[str, ...]], ...] = (
    (ConflictError, ("non-fast-forward", "fetch first", "stale info", "cannot lock ref", "failed to update ref")),
    (
        TerminalError,
        ("Authentication failed", "could not read Username", "Permission denied", "returned error: 403", "not allowed"),
    ),
    # A repository that moved: with a login we do not follow.
    (TerminalError, ("returned error: 30",)),
    # A hook or a protected branch says no to the push; after the conflicts, which are refusals of another kind.
    (TerminalError, ("[remote rejected]",)),
    (TerminalError, ("does not support push options",)),
    (NotFoundError, ("couldn't find remote ref", "not found", "does not appear to be a git repository")),
)
"""What git says → what it means. Anything else that happens on the way to a server may pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitProgram:
    """How git is called.

    Attributes:
        path: the program.
        home: directory that git takes as its home; ours, and empty.
        protocols: URL schemes that git may speak.
        most: bytes of the largest file that it may write.
    """

    path: str = "git"
    home: Path
    protocols: frozenset[str] = frozenset({"https", "http", "ssh"})
    most: int = _MOST_FILE

    async def run(
        self,
        *arguments: str,
        folder: Path,
        timeout: float,
        stdin: bytes = b"",
        remote: str = "",
        credentials: GitCredentials | None = None,
        allowed: tuple[int, ...] = (0,),
    ) -> bytes:
        """What git wrote to its standard output.

        Args:
            arguments: of git.
            folder: the repository (bare).
            timeout: seconds; then the process and all its children are killed.
            stdin: what git reads.
            remote: the URL that this call talks to, for messages; empty where it stays on this machine.
            credentials: to log in to the server.
            allowed: exit codes that are no failure.

        Raises:
            ConflictError: the server's branch is not what the push expected.
            NotFoundError: there is no such repository or branch.
            TerminalError: the server refused us, or git failed on this machine.
            TransientError: the server could not be reached or did not answer in time.
        """
        with environment(self.home, self.protocols, credentials) as variables:
            process = await self._start([self.path, *arguments], variables, folder)
            try:
                async with asyncio.timeout(timeout):
                    out, said_raw = await _exchanged(process, stdin)
            except TimeoutError as error:
                raise TransientError(f"git {arguments[0]}{_of(remote)} took longer than {timeout:g} s") from error
            finally:
                await _end(process)
        code, said = process.returncode or 0, said_raw.decode(errors="replace")
        if code in allowed:
            return out
        message = f"git {arguments[0]}{_of(remote)} failed: {self._clean(said, credentials)}"
        for meaning, signs in _MEANINGS:
            if any(sign in said for sign in signs):
                raise meaning(message)
        raise TransientError(message) if remote else TerminalError(message)

    async def _start(
        self, command: Sequence[str], environment: dict[str, str], folder: Path
    ) -> asyncio.subprocess.Process:
        try:
            started = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise TerminalError(f"cannot start {command[0]}: is git installed? ({error})") from error
        # It may have ended already.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(started.pid, resource.RLIMIT_FSIZE, (self.most, self.most))
        return started

    def _clean(self, said: str, credentials: GitCredentials | None) -> str:
        text = cleaned(said)
        for secret in secrets(credentials):
            text = text.replace(secret, "***")
        return " ".join(text.split())[:500]


async def _exchanged(process: asyncio.subprocess.Process, stdin: bytes) -> tuple[bytes, bytes]:
    """What a process writes, as far as it may."""
    out, said, _ = await asyncio.gather(
        _read(cast(asyncio.StreamReader, process.stdout)),
        _read(cast(asyncio.StreamReader, process.stderr)),
        _fed(cast(asyncio.StreamWriter, process.stdin), stdin),
    )
    await process.wait()
    return out, said


async def _read(stream: asyncio.StreamReader) -> bytes:
    taken = bytearray()
    while chunk := await stream.read(1 << 16):
        taken += chunk
        if len(taken) > _MOST_OUT:
            raise InvalidError(f"git wrote more than {_MOST_OUT >> 20} MiB: the repository has too much in one place")
    return bytes(taken)


async def _fed(stream: asyncio.StreamWriter, stdin: bytes) -> None:
    # It may end before it has read all that there is.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(stdin)
        await stream.drain()
        stream.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the whole session if it is still there: git's helper for http would go on without git.

    First by asking: git that is killed leaves its lock files behind.
    """
    if process.returncode is not None:
        return
    for sign, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await process.wait()
                # git's helpers are asked too, and have no more time than git has.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                return


def _of(remote: str) -> str:
    return f" ({shown(remote)})" if remote else ""
