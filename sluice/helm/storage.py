"""Releases as helm stores them: a Secret a revision, with JSON in it that is packed and encoded twice.

The form is helm's since version 3. A release of anybody's helm is read the same way, and one whose content nobody can
read is an error of its own, never an absent release: installing over it would be wrong.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.errors import InvalidError

LARGEST = 64 * 1024 * 1024
"""Bytes of one release when it is unpacked. A Secret has 1 MiB at most, and zeros pack well."""
_GZIP = 16 + zlib.MAX_WBITS
PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """One revision of a release.

    Attributes:
        document: all of it, as helm wrote it.
    """

    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What helm calls it."""
        return str(self.document.get("name", ""))

    @property
    def namespace(self) -> str:
        """Where its objects are."""
        return str(self.document.get("namespace", ""))

    @property
    def version(self) -> int:
        """Its revision."""
        return int(self.document.get("version") or 0)

    @property
    def info(self) -> Mapping[str, Any]:
        """Its state and its times."""
        return self.document.get("info") or {}

    @property
    def status(self) -> str:
        """`deployed`, `failed`, `uninstalled`, `pending-upgrade`, …"""
        return str(self.info.get("status", ""))

    @property
    def pending(self) -> bool:
        """Whether an act is under way, or died."""
        return self.status in PENDING

    @property
    def chart(self) -> Mapping[str, Any]:
        """The metadata of its chart."""
        return (self.document.get("chart") or {}).get("metadata") or {}

    @property
    def config(self) -> dict[str, Any]:
        """The values that it was made with."""
        return self.document.get("config") or {}

    @property
    def manifest(self) -> str:
        """Its objects, as they were rendered."""
        return str(self.document.get("manifest") or "")

    @property
    def hooks(self) -> list[Mapping[str, Any]]:
        """Its hooks with how their last runs went."""
        return list(self.document.get("hooks") or ())

    @property
    def changed_at(self) -> str:
        """When the last act on it began, RFC 3339; empty where it does not say."""
        return str(self.info.get("last_deployed") or self.info.get("first_deployed") or "")


def key_of(name: str, version: int) -> str:
    """The name of the Secret of a revision."""
    return f"sh.helm.release.v1.{name}.v{version}"


def stored(secret: Mapping[str, Any]) -> StoredRelease:
    """The release in a Secret of helm's.

    Raises:
        InvalidError: it is none, or its content cannot be read.
    """
    where = f"Secret {secret.get('metadata', {}).get('name', '?')}"
    try:
        packed = base64.b64decode(base64.b64decode((secret.get("data") or {})["release"]))
        text = _unpacked(packed, where) if packed[:3] == b"\x1f\x8b\x08" else packed
        document = json.loads(text)
        if not isinstance(document, dict) or not isinstance(document.get("info"), dict):
            raise TypeError
    except (KeyError, ValueError, TypeError, zlib.error):
        raise InvalidError(
            f"{where} holds no release that helm could read: delete that revision, or restore it from a backup"
        ) from None
    return StoredRelease(document)


def packed(release: Mapping[str, Any]) -> str:
    """A release as the `data.release` of its Secret."""
    text = json.dumps(release, separators=(",", ":"), ensure_ascii=False).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    return base64.b64encode(base64.b64encode(packer.compress(text) + packer.flush())).decode()


def newest_first(secrets: Iterable[Mapping[str, Any]]) -> list[StoredRelease]:
    """The releases in these Secrets, the newest revision first.

    Raises:
        InvalidError: one cannot be read.
    """
    return sorted((stored(one) for one in secrets), key=lambda one: -one.version)


def _unpacked(data: bytes, where: str) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    text = unpacker.decompress(data, LARGEST)
    if unpacker.unconsumed_tail:
        raise InvalidError(f"{where} holds more than {LARGEST // 1024**2} MiB when it is unpacked")
    return text
