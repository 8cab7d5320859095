"""A token that Google signs for each push of Pub/Sub (OpenID Connect): whose it is, for whom, and until when."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from sluice.events.call import Call

KEYS = "https://www.googleapis.com/oauth2/v3/certs"
"""Where Google publishes the keys that it signs with, as a JWK set."""
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
LEEWAY = 60.0
"""Seconds that clocks may differ."""
BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class GoogleToken:
    """What is known of the sender is no secret: the service account that it authenticates as, and the audience.

    Anybody may have Google sign a token for a service account and an audience of his own: so both are compared.
    """

    reads_body: bool = False
    challenge: str = "Bearer"
    refusal: str = (
        "Authorization: no token of Google's for this service account and audience "
        "(set both as `ACCOUNT AUDIENCE`, as the push subscription has them)"
    )

    def claims(self, call: Call) -> bool:
        """Whether there is a token that looks like one."""
        given = call.headers.get("Authorization", "")
        return given.startswith(BEARER) and given.count(".") == 2

    def keys_at(self, call: Call) -> str:
        """Google's."""
        return KEYS

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether Google signed it for this account and audience, and it is still good."""
        account, _, audience = secret.strip().partition(" ")
        token = call.headers.get("Authorization", "").removeprefix(BEARER)
        if not account or not audience.strip():
            return False
        try:
            key = _key(json.loads(keys), jwt.get_unverified_header(token).get("kid"))
            said = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=audience.strip(),
                issuer=ISSUERS,
                options={"require": ["exp", "iat", "aud", "iss"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            return False
        good = said["iat"] - LEEWAY <= call.at.timestamp() <= said["exp"] + LEEWAY
        email = str(said.get("email", ""))
        return good and said.get("email_verified") is True and hmac.compare_digest(email.encode(), account.encode())


def _key(keys: Mapping[str, Any], named: object) -> jwt.PyJWK:
    """The key of that name.

    Raises:
        KeyError: there is none, or not one for signatures.
    """
    for one in keys["keys"]:
        if one.get("kid") == named and one.get("kty") == "RSA" and one.get("use", "sig") == "sig":
            return jwt.PyJWK(one, algorithm="RS256")
    raise KeyError(named)
