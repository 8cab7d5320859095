"""Which program signs by a key of a Secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from blocks.git.signing import Gpg, Signer, Ssh
from sluice.credentials import secret_text
from sluice.errors import InvalidError
from sluice.manifests.flux.image_update_automation import SigningKeyType

_KINDS: Mapping[SigningKeyType, tuple[str, str, Callable[[SecretStr, SecretStr, str], Signer]]] = {
    SigningKeyType.GPG: ("git.asc", "passphrase", Gpg),
    SigningKeyType.SSH: ("identity", "password", Ssh),
}
"""Kind of key → the Secret's field of the key, that of its passphrase, and what signs by it."""


def signer_for(kind: SigningKeyType, secret: Mapping[str, Any]) -> Signer:
    """What signs by the key of a Secret.

    Raises:
        InvalidError: the Secret has no such key; names it and the field.
    """
    field, passphrase, make = _KINDS[kind]
    meta = secret.get("metadata") or {}
    where = f"Secret {meta.get('namespace', 'default')}/{meta.get('name', '?')}"
    key, opens = secret_text(secret, field), secret_text(secret, passphrase)
    if not key.get_secret_value():
        raise InvalidError(f"{where} has no {field}: it is the key that spec.git.commit.signingKey signs by")
    return make(key, opens, where)
