"""Runs the `git` program: one call, one process, with nothing of the machine's own configuration in it.

No shell, no hooks, no prompts, no system or user configuration; only the protocols that the installation allows. What
is secret travels in the environment of the one process or in a file that only we can read, never on a command line, and
is taken out of every message.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.addresses import cleaned, shown
from sluice.credentials import GitCredentials
from sluice.errors import ConflictError, NotFoundError, SluiceError, TerminalError, TransientError

_PASSED_ON = ("PATH", "LANG", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "credential.helper": "",
    "core.askPass": "",
    "protocol.version": "2",
    # A server that sends a byte now and then would otherwise hold a sync until its timeout.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "20",
}
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
    """

    path: str = "git"
    home: Path
    protocols: frozenset[str] = frozenset({"https", "http", "ssh"})

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
        with self._environment(credentials) as environment:
            process = await self._start([self.path, *arguments], environment, folder)
            try:
                async with asyncio.timeout(timeout):
                    out, said_raw = await process.communicate(stdin)
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
            return await asyncio.create_subprocess_exec(
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

    @contextlib.contextmanager
    def _environment(self, credentials: GitCredentials | None) -> Iterator[dict[str, str]]:
        settings = dict(_SETTINGS)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
            "HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": ":".join(sorted(self.protocols)),
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
        }
        with contextlib.ExitStack() as files:
            if credentials:
                # git would carry the login to wherever a server sends it.
                settings |= _login(credentials) | {"http.followRedirects": "false"}
                if credentials.identity.get_secret_value():
                    folder = files.enter_context(tempfile.TemporaryDirectory(prefix="sluice-ssh-"))
                    environment["GIT_SSH_COMMAND"] = _ssh(credentials, Path(folder))
            environment["GIT_CONFIG_COUNT"] = str(len(settings))
            for index, (key, value) in enumerate(settings.items()):
                environment |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
            yield environment

    def _clean(self, said: str, credentials: GitCredentials | None) -> str:
        text = cleaned(said)
        for secret in _secrets(credentials):
            text = text.replace(secret, "***")
        return " ".join(text.split())[:500]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the whole session if it is still there: git's helper for http would go on without git."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _login(credentials: GitCredentials) -> dict[str, str]:
    if credentials.bearer_token.get_secret_value():
        return {"http.extraHeader": f"Authorization: Bearer {credentials.bearer_token.get_secret_value()}"}
    if credentials.username or credentials.password.get_secret_value():
        pair = f"{credentials.username}:{credentials.password.get_secret_value()}".encode()
        return {"http.extraHeader": f"Authorization: Basic {base64.b64encode(pair).decode()}"}
    return {}


def _ssh(credentials: GitCredentials, folder: Path) -> str:
    identity, hosts = folder / "identity", folder / "known_hosts"
    for path, text in ((identity, credentials.identity.get_secret_value()), (hosts, credentials.known_hosts)):
        path.touch(mode=0o600)
        path.write_text(text if text.endswith("\n") else f"{text}\n")
    options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"]
    return shlex.join(["ssh", "-i", str(identity), "-o", f"UserKnownHostsFile={hosts}", *options])


def _secrets(credentials: GitCredentials | None) -> list[str]:
    if credentials is None:
        return []
    hidden = [credentials.password, credentials.bearer_token, credentials.identity]
    found = [secret.get_secret_value() for secret in hidden if secret.get_secret_value()]
    # A user without a password is a token: `https://TOKEN@host/`.
    return found or [name for name in (credentials.username,) if name]


def _of(remote: str) -> str:
    return f" ({shown(remote)})" if remote else ""
