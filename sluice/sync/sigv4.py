"""AWS's signature version 4: what a request to a storage that speaks S3 is signed with, and with what.

Written here, because it is sixty lines of hashing and the library that has it brings fourteen megabytes of descriptions of
every service of AWS. Held to AWS's own examples, and to a real storage that checks each signature.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

NOTHING = hashlib.sha256(b"").hexdigest()
"""What is said of a request without a body."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs.

    Attributes:
        access: the public half.
        secret: the secret half.
        session: token of temporary keys; empty for others.
    """

    access: str
    secret: str
    session: str = ""

    def __repr__(self) -> str:
        return f"Keys({self.access!r})"


def signed(
    keys: Keys,
    method: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    now: datetime,
    *,
    region: str,
    service: str = "s3",
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers that a request without a body is sent with.

    Args:
        keys: who signs.
        method: of the request.
        host: with its port, as the Host header has it.
        path: as it is sent, quoted once.
        query: names and values, not quoted.
        now: the moment, with a time zone.
        region: of the storage.
        service: of the storage.
        extra: more headers that are signed.
    """
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": NOTHING, "x-amz-date": moment, **(extra or {})}
    if keys.session:
        headers["x-amz-security-token"] = keys.session
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    canonical = f"{method}\n{path}\n{quoted(query)}\n{lines}\n{names}\n{NOTHING}"
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret}".encode()
    for part in (moment[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def quoted(query: Mapping[str, str]) -> str:
    """A query as it is signed and sent: in order, with everything quoted that may be."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def quoted_path(path: str) -> str:
    """A path as it is signed and sent."""
    return quote(path, safe="/-_.~")
