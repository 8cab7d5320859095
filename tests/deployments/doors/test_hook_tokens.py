"""Receivers that take tokens of an issuer: what it may be, whose tokens count, and what filters see of them."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.kubernetes.kinds import GIT_REPOSITORY
from tests.deployments.doors.hook_site import (
    OIDC,
    Site,
    oidc_token,
    path,
    receiver,
    secret,
    thing,
)


@pytest.mark.parametrize(
    ("change", "reason", "said"),
    [
        ({"issuerURL": "token.example"}, "ValidationFailed", "spec.oidcProviders[0].issuerURL"),
        ({"issuerURL": ""}, "ValidationFailed", "spec.oidcProviders[0].issuerURL"),
        ({"validations": []}, "ValidationFailed", "spec.oidcProviders[0].validations"),
        ({"validations": [{"expression": "true"}]}, "ValidationFailed", "spec.oidcProviders[0].validations[0].message"),
        ({"validations": [{"message": "x"}]}, "ValidationFailed", "spec.oidcProviders[0].validations[0].expression"),
        (
            {"validations": [{"expression": "req.x == 1", "message": "x"}]},
            "InvalidCELExpression",
            "spec.oidcProviders[0].validations[0].expression",
        ),
        (
            {"variables": [{"name": "a b", "expression": "1"}]},
            "ValidationFailed",
            "spec.oidcProviders[0].variables[0].name",
        ),
        (
            {"variables": [{"name": "a", "expression": "claims.("}]},
            "InvalidCELExpression",
            "spec.oidcProviders[0].variables[0].expression",
        ),
    ],
    ids=str,
)
async def test_an_issuer_that_cannot_be_used_is_named_by_its_field(
    site: Site, change: dict[str, Any], reason: str, said: str
) -> None:
    """And the door stays closed."""
    await site.has(receiver("generic-oidc", oidcProviders=[OIDC[0] | change]))
    status, why, message = site.ready()
    assert (status, why, site.status()["webhookPath"]) == ("False", reason, "")
    assert said in message


async def test_an_issuer_that_is_there_twice_is_refused(site: Site) -> None:
    """Which validations count would be a matter of their order."""
    await site.has(receiver("generic-oidc", oidcProviders=OIDC * 2))
    assert "spec.oidcProviders[1].issuerURL https://token.actions.example is there twice" in site.ready()[2]


async def test_a_genuine_token_of_somebody_else_is_refused_with_the_receiver_s_message(site: Site) -> None:
    """403: the sender has proven who it is, and may not do this."""
    await site.has(receiver("generic-oidc"), thing(GIT_REPOSITORY, "fleet"))
    given = f"Bearer {oidc_token(repository_owner='them')}"
    answer = await site.call(path(""), Authorization=given)
    assert (answer.status_code, answer.json()["error"]) == (403, "token validation failed: not our organisation")
    assert site.asked(GIT_REPOSITORY, "fleet") == ""


async def test_filters_see_the_claims_of_a_token(site: Site) -> None:
    """So that a pipeline asks the object of its own repository and no other."""
    every = {"kind": "GitRepository", "name": "*", "matchLabels": {"team": "shop"}}
    named = "claims.repository == 'shop-team/' + res.metadata.name"
    await site.has(
        receiver("generic-oidc", every, resourceFilter=named),
        thing(GIT_REPOSITORY, "fleet", team="shop"),
        thing(GIT_REPOSITORY, "other", team="shop"),
    )
    answer = await site.call(path(""), Authorization=f"Bearer {oidc_token()}")
    assert answer.json() == {"asked": ["GitRepository/apps/fleet"]}


async def test_only_tokens_have_claims(site: Site) -> None:
    """A filter over them in another type of Receiver would be true for nobody: it is refused."""
    await site.has(secret(), receiver(resourceFilter="claims.repository == 'x'"))
    assert site.ready()[1] == "InvalidCELExpression"
