"""Signs commits by the programs that people verify them with: `gpg` and `ssh-keygen`.

A key lives in a directory that only we can read, for as long as one signature takes. No passphrase is on a command line.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from blocks.git.mirror import Mirror
from blocks.programs import ended
from sluice.errors import InvalidError, TerminalError, TransientError

TIMEOUT = 20.0
"""Seconds for one call of a program that signs."""
_HEAD_END = b"\n\n"
_ANSWER = "SLUICE_SIGNING_PASSPHRASE"
_ASKED = f'#!/bin/sh\nprintf "%s\\n" "${_ANSWER}"\n'


class Signer(Protocol):
    """What can sign a commit."""

    async def sign(self, payload: bytes) -> bytes:
        """The armoured signature of these bytes.

        Raises:
            InvalidError: the key, or its passphrase, is not one.
            TerminalError: the program is missing.
        """


@dataclass(frozen=True, slots=True)
class Gpg:
    """Signs by an OpenPGP key.

    Attributes:
        key: armoured, with its secret part; one key.
        passphrase: empty where it has none.
        where: what the key came from, for messages.
    """

    key: SecretStr
    passphrase: SecretStr
    where: str

    async def sign(self, payload: bytes) -> bytes:
        """By `gpg --detach-sign`, in a home of its own."""
        async with _gpg_home() as home:
            variables = {"GNUPGHOME": str(home)}
            await self._gpg(["--import"], self.key.get_secret_value().encode(), variables)
            listed = await self._gpg(["--list-secret-keys", "--with-colons"], b"", variables)
            count = sum(line.startswith(b"sec:") for line in listed.splitlines())
            if count != 1:
                raise InvalidError(f"{self.where}: git.asc has {count} secret keys; it must have exactly one")
            secret = home / "passphrase"
            secret.touch(mode=0o600)
            secret.write_text(self.passphrase.get_secret_value())
            options = ["--pinentry-mode", "loopback", "--passphrase-file", str(secret)]
            return await self._gpg([*options, "--armor", "--detach-sign"], payload, variables)

    async def _gpg(self, options: Sequence[str], stdin: bytes, variables: Mapping[str, str]) -> bytes:
        refusal = f"{self.where}: gpg cannot sign by its git.asc: is it an armoured secret key, and passphrase right?"
        return await _run(["gpg", "--batch", "--no-tty", "--quiet", *options], stdin, variables, refusal)


@dataclass(frozen=True, slots=True)
class Ssh:
    """Signs by an ssh key.

    Attributes:
        key: as OpenSSH writes private keys.
        passphrase: empty where it has none.
        where: what the key came from, for messages.
    """

    key: SecretStr
    passphrase: SecretStr
    where: str

    async def sign(self, payload: bytes) -> bytes:
        """By `ssh-keygen -Y sign`, which asks a program for the passphrase where there is no terminal."""
        with tempfile.TemporaryDirectory(prefix="sluice-sign-") as folder:
            key, asked = Path(folder) / "key", Path(folder) / "asked"
            for path, text, mode in ((key, self.key.get_secret_value().strip() + "\n", 0o600), (asked, _ASKED, 0o700)):
                path.touch(mode=mode)
                path.write_text(text)
            variables = {
                "SSH_ASKPASS": str(asked),
                "SSH_ASKPASS_REQUIRE": "force",
                _ANSWER: self.passphrase.get_secret_value(),
            }
            refusal = f"{self.where}: its identity is no OpenSSH private key, or its password does not open it"
            return await _run(
                ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(key)], payload, variables, refusal
            )


async def signed(mirror: Mirror, commit: str, signer: Signer) -> str:
    """The id of the same commit with a signature."""
    raw = await mirror.local("cat-file", "commit", commit)
    head, _, message = raw.partition(_HEAD_END)
    signature = (await signer.sign(raw)).strip().replace(b"\n", b"\n ")
    made = head + b"\ngpgsig " + signature + _HEAD_END + message
    return (await mirror.local("hash-object", "-t", "commit", "-w", "--stdin", stdin=made)).decode().strip()


@contextlib.asynccontextmanager
async def _gpg_home() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sluice-gpg-", ignore_cleanup_errors=True) as folder:
        try:
            yield Path(folder)
        finally:
            # gpg leaves an agent behind that knows the key.
            with contextlib.suppress(TerminalError, TransientError):
                await _run(["gpgconf", "--kill", "all"], b"", {"GNUPGHOME": folder}, "")


async def _run(command: Sequence[str], stdin: bytes, variables: Mapping[str, str], refusal: str) -> bytes:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **variables}
    try:
        signing = await ended(command, environment, TIMEOUT, stdin=stdin)
    except FileNotFoundError as error:
        raise TerminalError(f"cannot start {command[0]}, which signs commits: is it installed?") from error
    except TimeoutError as error:
        raise TransientError(f"{command[0]} took longer than {TIMEOUT:g} s to sign") from error
    if signing.code:
        raise InvalidError(refusal)
    return signing.out
