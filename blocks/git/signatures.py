"""Whether a commit or a tag was signed by somebody who is trusted: OpenPGP by `gpgv`, ssh by `ssh-keygen`.

Only keys that the source's own Secret names count, none of this machine. What is checked is the raw object, taken apart
here: neither git's configuration nor an attribute of the repository has a say.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blocks.git.mirror import Mirror
from blocks.programs import ended
from sluice.errors import TerminalError, UnverifiedError
from sluice.sync.trust import TrustedKeys

_TIMEOUT = 30.0
_PGP, _SSH = b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN SSH SIGNATURE-----"
_HEADER = re.compile(rb"^gpgsig(?:-sha256)? .*\n(?: .*\n)*", re.MULTILINE)
_ARMOUR = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Signed:
    """An object taken apart: what was signed, and by what."""

    payload: bytes
    signature: bytes


async def verify_commit(mirror: Mirror, commit: str, keys: TrustedKeys) -> str:
    """Who signed the commit.

    Raises:
        UnverifiedError: nobody did, or nobody who is trusted.
    """
    raw = await mirror.local("cat-file", "commit", commit)
    head, blank, message = raw.partition(b"\n\n")
    found = _HEADER.findall(head + b"\n")
    what = f"commit '{commit}'"
    if not found:
        raise UnverifiedError(f"{what} is not signed", reason="InvalidCommitSignature")
    if len(found) > 1:
        raise UnverifiedError(f"{what} has more than one signature", reason="InvalidCommitSignature")
    signature = b"\n".join(line[1:] for line in (b" " + found[0].partition(b" ")[2]).splitlines())
    rest = _HEADER.sub(b"", head + b"\n").removesuffix(b"\n")
    return await _verified(Signed(rest + blank + message, signature), keys, what, "InvalidCommitSignature")


async def verify_tag(mirror: Mirror, tag: str, name: str, commit: str, keys: TrustedKeys) -> str:
    """Who signed the tag.

    Args:
        mirror: where it is.
        tag: id of the tag object; empty for a tag that is none.
        name: what the server calls it: a signed tag that was put under another name says nothing of that name.
        commit: that it must be about.
        keys: who is trusted.

    Raises:
        UnverifiedError: nobody did, or nobody who is trusted, or it is about something else.
    """
    what = f"tag '{name}'"
    if not tag:
        raise UnverifiedError(f"{what} is not signed: it is no annotated tag", reason="InvalidGitObject")
    raw = await mirror.local("cat-file", "tag", tag)
    head, _, _ = raw.partition(b"\n\n")
    facts = dict(line.split(b" ", 1) for line in head.split(b"\n") if b" " in line)
    if facts.get(b"object", b"").decode() != commit:
        raise UnverifiedError(f"{what} is not about commit '{commit}'", reason="InvalidTagSignature")
    if facts.get(b"tag", b"").decode(errors="replace") != name:
        raise UnverifiedError(f"{what} was made as another tag", reason="InvalidTagSignature")
    starts = [at for sign in (_PGP, _SSH) if (at := raw.rfind(b"\n" + sign)) >= 0]
    if not starts:
        raise UnverifiedError(f"{what} is not signed", reason="InvalidGitObject")
    at = max(starts) + 1
    return await _verified(Signed(raw[:at], raw[at:]), keys, what, "InvalidTagSignature")


async def _verified(signed: Signed, keys: TrustedKeys, what: str, reason: str) -> str:
    with tempfile.TemporaryDirectory(prefix="sluice-verify-") as folder:
        if signed.signature.startswith(_PGP):
            trusted, check = keys.openpgp, _openpgp
        elif signed.signature.startswith(_SSH):
            trusted, check = keys.ssh, _ssh
        else:
            raise UnverifiedError(f"{what} has a signature of an unknown kind", reason=reason)
        if not trusted:
            ending = ".asc" if check is _openpgp else ".sshpub"
            raise UnverifiedError(
                f"{what} is signed, and the Secret of spec.verify has no key of that kind (*{ending})", reason=reason
            )
        who = await check(signed, trusted, Path(folder))
    if not who:
        raise UnverifiedError(f"{what} is signed by nobody whom the Secret of spec.verify names", reason=reason)
    return who


async def _openpgp(signed: Signed, keys: Sequence[str], folder: Path) -> str:
    (folder / "payload").write_bytes(signed.payload)
    (folder / "signature").write_bytes(signed.signature)
    rings = []
    for index, text in enumerate(keys):
        ring = folder / f"ring-{index}.gpg"
        ring.write_bytes(_dearmoured(text))
        rings += ["--keyring", str(ring)]
    out = await _run("gpgv", "--status-fd", "1", *rings, "--", "signature", "payload", folder=folder)
    lines = [line.split() for line in out.splitlines() if line.startswith("[GNUPG:] ")]
    states = {line[1] for line in lines if len(line) > 1}
    # A key that ran out or was revoked verifies, too; then it is not a good signature.
    bad = {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"}
    valid = [line for line in lines if line[1] == "VALIDSIG" and len(line) > 2]
    return valid[0][-1][-16:] if "GOODSIG" in states and not states & bad and len(valid) == 1 else ""


async def _ssh(signed: Signed, keys: Sequence[str], folder: Path) -> str:
    lines = [line.strip() for text in keys for line in text.splitlines() if line.strip() and not line.startswith("#")]
    # Kind and key alone: options and comments that the Secret has next to them have no meaning here.
    pairs = [line.split()[:2] for line in lines if len(line.split()) >= 2]
    (folder / "allowed").write_text("".join(f'* namespaces="git" {kind} {key}\n' for kind, key in pairs))
    (folder / "signature").write_bytes(signed.signature)
    out = await _run(
        *("ssh-keygen", "-Y", "verify", "-n", "git", "-f", "allowed", "-I", "signer", "-s", "signature"),
        folder=folder,
        stdin=signed.payload,
    )
    good = re.search(r'^Good "git" signature for signer with \S+ key (\S+)', out, re.MULTILINE)
    return good[1] if good else ""


async def _run(*command: str, folder: Path, stdin: bytes = b"") -> str:
    """What the program says; nothing where it says no."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": str(folder),
        "GNUPGHOME": str(folder),
    }
    try:
        check = await ended(command, environment, _TIMEOUT, folder=folder, stdin=stdin)
    except FileNotFoundError as error:
        raise TerminalError(f"cannot start {command[0]}: signatures cannot be verified ({error})") from error
    except TimeoutError as error:
        raise TerminalError(f"{command[0]} took longer than {_TIMEOUT:g} s") from error
    return check.out.decode(errors="replace") if check.code == 0 else ""


def _dearmoured(text: str) -> bytes:
    """The keys of an armoured text in the form that gpgv reads."""
    found = b""
    for body in _ARMOUR.findall(text):
        lines = [line.strip() for line in body.partition("\n\n")[2 if "\n\n" in body else 0].splitlines()]
        data = "".join(line for line in lines if line and not line.startswith("=") and ":" not in line)
        try:
            found += base64.b64decode(data, validate=True)
        except (ValueError, binascii.Error):
            raise UnverifiedError(
                "a key in the Secret of spec.verify is no OpenPGP key", reason="VerificationError"
            ) from None
    return found
