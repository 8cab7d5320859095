"""Whose tokens of an OpenID Connect provider are taken: the signature, for whom, until when, and what the claims say."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sluice.errors import ForbiddenError
from sluice.events.verification.oidc_token import OidcToken
from sluice.manifests.flux.receiver import OidcProvider
from tests.sluice.events.senders.calls import NOW, call
from tests.sluice.events.senders.signed import google_keys, private_key

ISSUER = "https://token.actions.githubusercontent.com"
OWNER = {"expression": "claims.repository_owner == 'shop-team'", "message": "not our organisation"}


def provider(**fields: Any) -> OidcProvider:
    return OidcProvider.model_validate({"issuerURL": ISSUER, "validations": [OWNER], **fields})


def token(of: str = "github-1", **claims: Any) -> str:
    """The claims are some of those that GitHub documents for its Actions."""
    said = {
        "iss": ISSUER,
        "aud": "notification-controller",
        "sub": "repo:shop-team/shop:ref:refs/heads/main",
        "repository_owner": "shop-team",
        "repository": "shop-team/shop",
        "ref": "refs/heads/main",
        "iat": int(NOW.timestamp()),
        "nbf": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(minutes=5)).timestamp()),
    }
    claims = {key: value for key, value in (said | claims).items() if value is not None}
    return jwt.encode(claims, private_key(of), algorithm="RS256", headers={"kid": of})


def accepted(given: str, *providers: OidcProvider, keys: bytes | None = None, late: float = 0) -> bool:
    made = call({}, {"Authorization": f"Bearer {given}"}, at=NOW + timedelta(seconds=late))
    way = OidcToken(providers or (provider(),))
    return way.claims(made) and way.accepts(made, "", google_keys("github-1") if keys is None else keys)


def test_a_token_of_the_issuer_for_the_audience_is_accepted() -> None:
    """The audience is Flux's where none is given; a token may be for several."""
    assert accepted(token())
    assert accepted(token(aud=["other", "notification-controller"]))
    assert accepted(token(aud="sluice"), provider(audience="sluice"))


def test_keys_are_looked_for_where_the_issuer_says() -> None:
    """Of the issuers of the Receiver alone: nobody can make us ask another address."""
    made = call({}, {"Authorization": f"Bearer {token()}"})
    assert OidcToken((provider(),)).keys_at(made) == f"{ISSUER}/.well-known/openid-configuration"
    slash = call({}, {"Authorization": f"Bearer {token(iss='https://id.example/')}"})
    assert (
        OidcToken((provider(issuerURL="https://id.example/"),)).keys_at(slash)
        == "https://id.example/.well-known/openid-configuration"
    )
    for other in (token(iss="https://evil.example"), "no.token.atall", "x", ""):
        strange = call({}, {"Authorization": f"Bearer {other}"})
        assert OidcToken((provider(),)).keys_at(strange) == ""
        assert not OidcToken((provider(),)).claims(strange)


@pytest.mark.parametrize(
    "claims",
    [{"aud": "other"}, {"aud": None}, {"exp": None}, {"exp": "past"}, {"iss": None}, {"iss": f"{ISSUER}/"}],
    ids=str,
)
def test_a_token_for_somebody_else_or_without_an_end_is_refused(claims: dict[str, Any]) -> None:
    if claims.get("exp") == "past":
        given = jwt.encode(
            {"iss": ISSUER, "aud": "notification-controller", "exp": 1},
            private_key("github-1"),
            algorithm="RS256",
            headers={"kid": "github-1"},
        )
    else:
        given = token(**claims)
    assert not accepted(given)


def test_a_token_is_good_for_its_time() -> None:
    """A minute is allowed at its end, five before it counts."""
    assert accepted(token(), late=355)
    assert not accepted(token(), late=365)
    assert accepted(token(), late=-295)
    assert not accepted(token(), late=-305)


def test_a_token_that_another_key_signed_is_refused() -> None:
    """Or none at all, or one that is no secret of the issuer's: its public key as a password."""
    assert not accepted(token("github-2"))
    assert not accepted(token(), keys=google_keys("github-2"))
    assert not accepted(token(), keys=b"no keys")
    said = jwt.decode(token(), options={"verify_signature": False})
    assert not accepted(jwt.encode(said, "", algorithm="none", headers={"kid": "github-1"}))
    modulus = json.loads(google_keys("github-1"))["keys"][0]["n"]
    assert not accepted(jwt.encode(said, modulus.ljust(64, "x"), algorithm="HS256", headers={"kid": "github-1"}))


def test_the_algorithm_is_the_token_s_where_its_key_names_none() -> None:
    """Many issuers publish keys without one; where they name one, no other is taken."""
    said = jwt.decode(token(), options={"verify_signature": False})
    keys = json.loads(google_keys("github-1"))
    for algorithm in ("RS512", "PS256"):
        given = jwt.encode(said, private_key("github-1"), algorithm=algorithm, headers={"kid": "github-1"})
        assert not accepted(given)
        bare = [{name: value for name, value in keys["keys"][0].items() if name != "alg"}]
        assert accepted(given, keys=json.dumps({"keys": bare}).encode())


def test_keys_of_elliptic_curves_are_understood() -> None:
    """GitLab and Kubernetes may sign with them; a token need not name the only key."""
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    said = jwt.decode(token(), options={"verify_signature": False})
    assert accepted(jwt.encode(said, key, algorithm="ES256"), keys=json.dumps({"keys": [jwk]}).encode())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"validations": [{**OWNER, "expression": "claims.repository_owner == 'them'"}]}, "not our organisation"),
        ({"validations": [{**OWNER, "expression": "claims.nowhere == 'them'"}]}, "not our organisation"),
        (
            {"validations": [{**OWNER, "expression": "false"}, OWNER, {"expression": "1 > 2", "message": "never"}]},
            "not our organisation; never",
        ),
        ({"validations": [{**OWNER, "expression": "claims.ref"}]}, "is not true or false"),
        ({"variables": [{"name": "team", "expression": "claims.nowhere"}]}, "claims.nowhere"),
        ({"validations": []}, "token validation failed"),
    ],
    ids=["another", "a claim that is not there", "several", "no answer", "a variable that is not there", "none"],
)
def test_a_genuine_token_whose_claims_are_others_is_refused_with_what_the_receiver_says(
    fields: dict[str, Any], said: str
) -> None:
    """A public issuer signs for everybody; the messages are the Receiver's own."""
    with pytest.raises(ForbiddenError, match=said):
        accepted(token(), provider(**fields))


def test_variables_are_worked_out_in_order_and_shared() -> None:
    """Each sees the claims and those before it."""
    fields = {
        "variables": [
            {"name": "parts", "expression": "claims.repository.split('/')"},
            {"name": "name", "expression": "vars.parts[1]"},
        ],
        "validations": [
            {"expression": "vars.name == 'shop' && vars.parts[0] == 'shop-team'", "message": "not the shop"}
        ],
    }
    assert accepted(token(), provider(**fields))
    with pytest.raises(ForbiddenError, match="not the shop"):
        accepted(token(repository="shop-team/other"), provider(**fields))
