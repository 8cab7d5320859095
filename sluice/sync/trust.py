"""Whose signatures count: the public keys in the Secret that a source's `spec.verify` names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.credentials import name_of, texts
from sluice.errors import UnverifiedError


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Public keys.

    Attributes:
        openpgp: armoured texts, each of one or more keys.
        ssh: texts with a key a line, as in `authorized_keys`.
    """

    openpgp: tuple[str, ...]
    ssh: tuple[str, ...]


def trusted_keys(secret: Mapping[str, Any]) -> TrustedKeys:
    """The keys of a Secret: ssh under names that end in `.sshpub`, OpenPGP under all others, as Flux reads it.

    Raises:
        UnverifiedError: it has none: then nobody is trusted.
    """
    data = sorted(texts(secret).items())
    ssh = tuple(text for name, text in data if name.endswith(".sshpub"))
    openpgp = tuple(text for name, text in data if not name.endswith(".sshpub"))
    if not data:
        raise UnverifiedError(
            f"{name_of(secret)} has no public keys: it needs *.asc or *.sshpub", reason="VerificationError"
        )
    return TrustedKeys(openpgp, ssh)
