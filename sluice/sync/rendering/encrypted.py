"""What of a source is encrypted by sops, and what that says of itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import GROUP
from sluice.sync.objects import Object, identity

DECRYPT = f"{GROUP}/decrypt"
"""`disabled` as annotation on an object: it is applied as it is written."""
MARKS: Mapping[str, bytes] = {
    "binary": b'"mac": "ENC[',
    "json": b'"mac": "ENC[',
    "dotenv": b"sops_mac=ENC[",
    "ini": b"[sops]",
    "yaml": b"mac: ENC[",
}
"""What an encrypted file of each format has in it."""
_NAMED = {"age": "recipient", "pgp": "fp", "kms": "arn", "gcp_kms": "resource_id", "azure_kv": "vault_url"}


def is_encrypted(manifest: Object) -> bool:
    """Whether the object as a whole is a file of sops, and its owner wants it decrypted."""
    about = manifest.get("sops")
    return isinstance(about, Mapping) and bool(about.get("mac")) and not _disabled(manifest)


def refuse_encrypted(manifests: Iterable[Object]) -> None:
    """Go no further where a Secret is still encrypted: its cipher text would be somebody's password.

    Raises:
        InvalidError: names the Secret.
    """
    for one in manifests:
        if one["kind"] == "Secret" and is_encrypted(one):
            raise InvalidError(
                f"{identity(one)} is encrypted by sops: set spec.decryption, with the Secret of its keys"
            )


def encrypted_values(manifest: Object) -> Iterator[tuple[str, bytes, str]]:
    """The values of a Secret that are files of sops themselves: key, content and format."""
    if manifest.get("kind") != "Secret" or _disabled(manifest):
        return
    for key, value in (manifest.get("data") or {}).items():
        try:
            content = base64.b64decode(str(value), validate=True)
        except (binascii.Error, ValueError):
            continue
        form = next((form for form, mark in MARKS.items() if mark in content), "")
        if form:
            yield key, content, form


def meant_for(about: Any) -> str:
    """Whose key opens it, for messages: nothing of that is secret."""
    if not isinstance(about, Mapping):
        return ""
    found = [
        f"{kind} {entry[field]}"
        for kind, field in _NAMED.items()
        for entry in about.get(kind) or ()
        if isinstance(entry, Mapping) and entry.get(field)
    ]
    return f"it is for {', '.join(found)}"[:500] if found else ""


def _disabled(manifest: Object) -> bool:
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(DECRYPT, "")).casefold() == "disabled"
