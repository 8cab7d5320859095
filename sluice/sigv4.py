"""AWS's signature version 4: what a request to AWS, or to a storage that speaks S3, is signed with.

Written here, because it is sixty lines of hashing and the library that has it brings fourteen megabytes of descriptions of
every service of AWS. Held to AWS's own examples and test suite, and to a real storage that checks each signature.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs.

    Attributes:
        access: the public half.
        secret: the secret half.
        session: token of temporary keys; empty for others.
    """

    access: str
    secret: SecretStr
    session: SecretStr = SecretStr("")  # noqa: RUF009 - it never changes


def signed(
    keys: Keys,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """The headers of a request, with what signs it.

    Args:
        keys: who signs.
        method: of the request.
        url: as it is sent: its path by `quoted_path`, its query by `quoted`.
        headers: that are signed too.
        body: of the request.
        region: of the service.
        service: as signatures name it.
        now: in UTC.
    """
    parts, moment = urlsplit(url), now.strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "Host": parts.netloc, "X-Amz-Date": moment}
    if keys.session.get_secret_value():
        sent["X-Amz-Security-Token"] = keys.session.get_secret_value()
    ordered = sorted((name.lower(), " ".join(value.split())) for name, value in sent.items())
    names = ";".join(name for name, _ in ordered)
    listed = "".join(f"{name}:{value}\n" for name, value in ordered)
    content = hashlib.sha256(body).hexdigest()
    canonical = "\n".join((method, parts.path or "/", parts.query, listed, names, content))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{keys.secret.get_secret_value()}".encode()
    for part in (moment[:8], region, service, "aws4_request"):
        key = _hash(key, part)
    proof = f"{ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={_hash(key, text).hex()}"
    return {**sent, "Authorization": proof}


def signed_for_s3(
    keys: Keys, method: str, url: str, now: datetime, *, region: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The headers of a request without a body to a storage that speaks S3, which wants the body's digest among them.

    Args:
        keys: who signs.
        method: of the request.
        url: as for `signed`.
        now: in UTC.
        region: of the storage.
        extra: more headers that are signed.
    """
    headers = {"X-Amz-Content-Sha256": hashlib.sha256(b"").hexdigest(), **(extra or {})}
    return signed(keys, method, url, headers, b"", region=region, service="s3", now=now)


def quoted(query: Mapping[str, str]) -> str:
    """A query as it is signed and sent: in order, with everything quoted that may be."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def quoted_path(path: str) -> str:
    """A path as it is signed and sent."""
    return quote(path, safe="/-_.~")


def _hash(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
