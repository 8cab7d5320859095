"""Decryption by the `sops` program: keys and decrypted text are in a directory of the one rendering, and nowhere else.

Keys travel in files that only we can read and in the environment of the one process; nothing of what the program says
gets into a message, because it may quote what it decrypts.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.renderers.fence import Named
from blocks.renderers.keys import Keys
from blocks.renderers.program import Call, Limits, Reach
from blocks.renderers.settings_text import read
from sluice.errors import InvalidError, TransientError
from sluice.sync.objects import Object, identity
from sluice.sync.rendering.encrypted import MARKS, encrypted_values, is_encrypted, meant_for
from sluice.sync.rendering.kustomization_file import form_of

MOST = 5 * 1024 * 1024
"""Bytes of an encrypted file, as in Flux."""
AT_ONCE = 4
TIMEOUT = 30.0
NO_KEY, WRONG_MAC = 128, (51, 52)
"""Exit codes of sops: no key opens it; it was changed by somebody without the key."""
CLOUDS = ("AWS_", "AZURE_", "GOOGLE_APPLICATION_CREDENTIALS")
"""What the program sees of our environment, where the Secret has no credentials of these: this process's own identity. A
token for Vault is not among them: it would go wherever a file says that its Vault is."""


@dataclass(slots=True)
class Sops:
    """Decrypts with one set of keys.

    Attributes:
        home: directory of this rendering alone, with the keys.
        environment: of the program.
        program: its name or path.
    """

    home: Path
    environment: dict[str, str] = field(repr=False)
    program: str = "sops"

    async def files(self, named: Sequence[Named]) -> None:
        """Decrypt in place what a `kustomization.yaml` reads and is encrypted. What is not stays.

        Raises:
            InvalidError: no key opens one, or it is damaged; the message names the field and the file.
            TerminalError: the program is missing.
            TransientError: a key service does not answer in time.
        """
        forms = {one.path: one for one in named if one.reference.form}
        for path, one in forms.items():
            form = one.reference.form
            content = await asyncio.to_thread(_content, path)
            if MARKS[form] in content:
                where = f"{one.reference.field} {one.reference.path!r}"
                plain = await self._decrypted(content, form, form, where, checked=True)
                await asyncio.to_thread(_replace, path, plain)

    async def objects(self, rendered: Sequence[Object]) -> list[Object]:
        """The objects, decrypted where they are encrypted.

        Raises: as `files`; the message names the object.
        """
        room = asyncio.Semaphore(AT_ONCE)

        async def one(manifest: Object) -> Object:
            async with room:
                return await self._object(manifest)

        return list(await asyncio.gather(*map(one, rendered)))

    async def _object(self, manifest: Object) -> Object:
        where = str(identity(manifest))
        if is_encrypted(manifest):
            # kustomize may have changed labels and names of it since: only a whole file has its sum checked, as in Flux.
            out = await self._decrypted(json.dumps(manifest).encode(), "json", "json", where)
            plain: Object = json.loads(out)
            return plain
        found = {
            key: base64.b64encode(await self._decrypted(content, form, form_of(key), f"{where} data.{key}")).decode()
            for key, content, form in encrypted_values(manifest)
        }
        return {**manifest, "data": {**manifest["data"], **found}} if found else manifest

    async def _decrypted(self, content: bytes, form: str, out: str, where: str, *, checked: bool = False) -> bytes:
        arguments = ["--disable-version-check", "decrypt", "--input-type", form, "--output-type", out]
        credentials = [
            Path(value) for name, value in self.environment.items() if name.endswith(("_FILE", "CREDENTIALS"))
        ]
        call = Call(
            "sops",
            self.program,
            [*arguments, *([] if checked else ["--ignore-mac"])],
            self.environment,
            stdin=content,
            reach=Reach((Path(sys.prefix), Path(sys.base_prefix), *credentials), (self.home,), None),
            limits=Limits(TIMEOUT, output=4 * MOST),
        )
        code, plain, _ = await call.run()
        if code == 0:
            return plain
        if code in WRONG_MAC:
            raise InvalidError(f"{where} was changed without its key after it was encrypted: encrypt it once more")
        if code == NO_KEY:
            whose = await asyncio.to_thread(_whose, content, form)
            raise InvalidError(f"{where}: none of the keys of spec.decryption opens it{whose and f'; {whose}'}")
        if code < 0:
            raise TransientError(f"{where}: sops was ended by signal {-code}")
        raise InvalidError(f"{where} cannot be decrypted: sops ended with code {code}; try `sops decrypt` on it")


@asynccontextmanager
async def opened(keys: Keys, program: str = "sops") -> AsyncIterator[Sops]:
    """Sops with these keys, for the duration of one rendering.

    Raises:
        InvalidError: gpg cannot read a key.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-keys-") as folder:
        home = Path(folder)
        environment = await asyncio.to_thread(_environment, home, keys)
        try:
            for key in keys.pgp:
                await _gpg(environment, ["--batch", "--quiet", "--import"], key)
            yield Sops(home, environment, program)
        finally:
            if keys.pgp:
                await Call("gpgconf", "gpgconf", ["--kill", "all"], environment).run()


async def _gpg(environment: dict[str, str], arguments: list[str], stdin: bytes) -> None:
    code, _, _ = await Call("gpg", "gpg", arguments, environment, stdin=stdin, limits=Limits(TIMEOUT)).run()
    if code:
        raise InvalidError("spec.decryption: gpg cannot read a private key of the Secret: export it with --armor")


def _environment(home: Path, keys: Keys) -> dict[str, str]:
    rings = home / "gnupg"
    rings.mkdir(mode=0o700)
    ours = (
        {name: value for name, value in os.environ.items() if name.startswith(CLOUDS)} if not keys.environment else {}
    )
    found = {**ours, **keys.environment, "PATH": os.environ.get("PATH", os.defpath)}
    found |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "TMPDIR": str(home), "GNUPGHOME": str(rings)}
    found["SOPS_AGE_KEY_FILE"] = str(_private(home / "keys.txt", keys.age))
    if keys.google:
        found["GOOGLE_APPLICATION_CREDENTIALS"] = str(_private(home / "google.json", keys.google))
    return found


def _private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def _content(path: Path) -> bytes:
    if path.is_dir() or (size := path.stat().st_size) > MOST:
        return b""
    with path.open("rb") as file:
        return file.read(size)


def _replace(path: Path, content: bytes) -> None:
    """The tree's own file, which this is a link to, stays as it is."""
    path.unlink()
    path.touch(mode=0o600)
    path.write_bytes(content)


def _whose(content: bytes, form: str) -> str:
    try:
        documents: list[Any] = read(content.decode()) if form in {"yaml", "json", "binary"} else []
    except (InvalidError, UnicodeDecodeError):
        return ""
    return next((meant_for(one.get("sops")) for one in documents if isinstance(one, dict)), "")
