"""A token of an OpenID Connect provider, such as GitHub Actions: who signed it, for whom, and what its claims say.

Issuers, audiences and what claims must say are a Receiver's own (`spec.oidcProviders`). A good signature alone lets nobody
in: public issuers sign tokens for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from sluice.errors import ForbiddenError, InvalidError
from sluice.events.call import Call
from sluice.events.verification.base import DISCOVERY
from sluice.expressions import holds, value_of
from sluice.manifests.flux.receiver import OidcProvider

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those with two keys: with one key for both sides, who can verify could sign."""
LEEWAY, EARLY = 60.0, 300.0
"""Seconds that clocks may differ: at a token's end, and before it counts."""
BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class OidcToken:
    """Tokens of these providers."""

    providers: tuple[OidcProvider, ...]
    reads_body: bool = False
    challenge: str = "Bearer"
    refusal: str = "Authorization: no token of an issuer of spec.oidcProviders for its audience that is still good"

    def claims(self, call: Call) -> bool:
        """Whether there is a token of one of the issuers, as it says itself."""
        return self._provider(call) is not None

    def keys_at(self, call: Call) -> str:
        """Where its issuer says where its keys are."""
        provider = self._provider(call)
        return provider.issuer_url.rstrip("/") + DISCOVERY if provider else ""

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether the issuer signed it for the audience, it is still good, and its claims are as they have to be.

        Raises:
            ForbiddenError: it is genuine, and its claims are not: the message is what the Receiver says of that.
        """
        provider, token = self._provider(call), token_of(call)
        if provider is None:
            return False
        try:
            key = _key(json.loads(keys), jwt.get_unverified_header(token))
            said = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=provider.expected_audience,
                issuer=provider.issuer_url,
                options={
                    "require": ["exp", "aud", "iss"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            now = call.at.timestamp()
            good = float(said.get("nbf", 0)) - EARLY <= now <= float(said["exp"]) + LEEWAY
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            return False
        if good:
            _refuse_others(provider, said)
        return good

    def _provider(self, call: Call) -> OidcProvider | None:
        issuer = claims_of(call).get("iss")
        return next((one for one in self.providers if one.issuer_url == issuer), None)


def token_of(call: Call) -> str:
    """The token that a delivery shows; empty where it shows none."""
    given = call.headers.get("Authorization", "")
    return given.removeprefix(BEARER).strip() if given.startswith(BEARER) else ""


def claims_of(call: Call) -> Mapping[str, Any]:
    """What a delivery's token says, without a look at its signature; nothing where there is none."""
    try:
        said: Mapping[str, Any] = jwt.decode(token_of(call), options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError):
        return {}
    return said


def _refuse_others(provider: OidcProvider, claims: Mapping[str, Any]) -> None:
    found: dict[str, Any] = {}
    try:
        for one in provider.variables:
            found[one.name] = value_of(one.expression, {"claims": claims, "vars": found})
        over = {"claims": claims, "vars": found}
        failed = [one.message for one in provider.validations if not holds(one.expression, over)]
    except InvalidError as error:
        raise ForbiddenError(f"the token's claims cannot be looked through: {error}") from error
    if failed or not provider.validations:
        raise ForbiddenError(f"token validation failed: {'; '.join(failed)}")


def _key(keys: Mapping[str, Any], header: Mapping[str, Any]) -> jwt.PyJWK:
    """The key that a token names, for the algorithm that it names; the only one where it names none.

    Raises:
        KeyError: there is none, or not one for signatures of that kind.
    """
    named, algorithm = header.get("kid"), header.get("alg")
    fit = [one for one in keys["keys"] if one.get("use", "sig") == "sig" and one.get("kty") in {"RSA", "EC", "OKP"}]
    for one in fit:
        its = one.get("kid") == named or (named is None and len(fit) == 1)
        if its and algorithm in ALGORITHMS and one.get("alg", algorithm) == algorithm:
            return jwt.PyJWK(one, algorithm=algorithm)
    raise KeyError(named)
