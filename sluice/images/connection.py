"""What Secrets say about the connection to a registry: certificates, and a proxy. The forms are Flux's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from sluice.credentials import name_of
from sluice.errors import InvalidError


class Certificates(BaseModel):
    """Whom to trust, and who one is."""

    model_config = ConfigDict(frozen=True)
    authority: str = ""
    """PEM of certificates that are trusted besides the system's own."""
    certificate: str = ""
    key: SecretStr | None = None


def certificates(secret: Mapping[str, Any]) -> Certificates:
    """The certificates in a Secret that `certSecretRef` names: `ca.crt`, `tls.crt` and `tls.key`, or Flux's older names.

    Raises:
        InvalidError: it has none, or half of a pair.
    """
    authority = _text(secret, "ca.crt") or _text(secret, "caFile")
    certificate = _text(secret, "tls.crt") or _text(secret, "certFile")
    key = _text(secret, "tls.key") or _text(secret, "keyFile")
    if not authority and not certificate and not key:
        raise InvalidError(f"{name_of(secret)} has no certificates: it needs ca.crt, or tls.crt and tls.key")
    if bool(certificate) is not bool(key):
        missing = "tls.key" if certificate else "tls.crt"
        raise InvalidError(f"{name_of(secret)} has half of a client's certificate: {missing} is missing")
    return Certificates(authority=authority, certificate=certificate, key=SecretStr(key) if key else None)


def proxy(secret: Mapping[str, Any]) -> SecretStr:
    """The address of the proxy in a Secret that `proxySecretRef` names, with its login in it.

    Raises:
        InvalidError: it has no address, or half of a login.
    """
    address, user, password = (_text(secret, key) for key in ("address", "username", "password"))
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidError(f"{name_of(secret)} has no proxy: its address needs http:// or https:// and a host")
    if bool(user) is not bool(password):
        raise InvalidError(f"{name_of(secret)} has half of a login: it needs username and password, or neither")
    if user:
        host = parts.netloc.rpartition("@")[2]
        parts = parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}")
    return SecretStr(urlunsplit(parts))


def _text(secret: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "", validate=True).decode().strip()
    except (ValueError, binascii.Error):
        raise InvalidError(f"{name_of(secret)}: its {key} is not base64 of a text") from None
