"""The keys of a Secret that `spec.decryption.secretRef` names, as Flux has it.

| key of the Secret | is |
|---|---|
| `*.agekey` | age identities |
| `*.asc` | an OpenPGP private key |
| `sops.vault-token` | a token for HashiCorp Vault |
| `sops.aws-kms` | YAML with `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token` |
| `sops.azure-kv` | YAML with `tenantId`, `clientId`, `clientSecret` |
| `sops.gcp-kms` | a JSON file of credentials |
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from sluice.errors import InvalidError

_AWS = {name: name.upper() for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")}
_AZURE = {
    "tenantId": "AZURE_TENANT_ID",
    "clientId": "AZURE_CLIENT_ID",
    "clientSecret": "AZURE_CLIENT_SECRET",
}
_STATIC = {"sops.aws-kms": _AWS, "sops.azure-kv": _AZURE}


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a source. It is never printed.

    Attributes:
        age: identities, as a file of them.
        pgp: private keys.
        environment: of the program: tokens and credentials of key services.
        google: a file of credentials.
    """

    age: str = field(default="", repr=False)
    pgp: tuple[bytes, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    google: str = field(default="", repr=False)


def keys_of(secret: Mapping[str, Any], where: str) -> Keys:
    """The keys in a Secret.

    Args:
        secret: the object.
        where: what messages call it.

    Raises:
        InvalidError: a value cannot be read; the message names its key.
    """
    age: list[str] = []
    pgp: list[bytes] = []
    environment: dict[str, str] = {}
    google = ""
    for name, value in sorted((secret.get("data") or {}).items()):
        try:
            content = base64.b64decode(str(value), validate=True)
            if name.endswith(".agekey"):
                age.append(content.decode())
            elif name.endswith(".asc"):
                pgp.append(content)
            elif name == "sops.vault-token":
                environment["VAULT_TOKEN"] = content.decode().strip()
            elif name in _STATIC:
                environment |= _static(content.decode(), _STATIC[name])
            elif name == "sops.gcp-kms":
                google = content.decode().strip()
        except (binascii.Error, ValueError, TypeError, yaml.YAMLError):
            # What the reader says quotes the text.
            raise InvalidError(f"{where}: the value of {name!r} cannot be read") from None
    return Keys("\n".join(age), tuple(pgp), environment, google)


def _static(text: str, names: Mapping[str, str]) -> dict[str, str]:
    document = yaml.safe_load(text)
    if not isinstance(document, dict):
        raise TypeError
    return {variable: str(document[name]) for name, variable in names.items() if document.get(name)}
