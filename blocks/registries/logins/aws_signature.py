"""AWS Signature Version 4 for one request, as AWS documents it and its published test suite has it.

botocore signs too, and brings 15 MB of service descriptions and a client of its own for the one call that is needed here.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs.

    Attributes:
        session: token that goes along with keys that were given for a while; empty for those of a user.
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
    """The headers of a request without a query, with what signs it.

    Args:
        headers: that are signed too.
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
    canonical = "\n".join((method, parts.path or "/", "", listed, names, hashlib.sha256(body).hexdigest()))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{keys.secret.get_secret_value()}".encode()
    for part in (moment[:8], region, service, "aws4_request"):
        key = _hash(key, part)
    signature = _hash(key, text).hex()
    proof = f"{ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": proof}


def _hash(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
