"""Which forge a Secret leads to, and with which token."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.forges import table
from blocks.forges.github import GitHub
from blocks.forges.gitlab import GitLab
from blocks.forges.table import forges
from deployments.settings import Settings
from sluice.errors import InvalidError


@pytest.mark.parametrize(
    ("url", "login", "api"),
    [
        ("https://github.com/team/shop", {"token": "t"}, "https://api.github.com"),
        ("git@gitlab.com:team/shop.git", {"token": "t\n"}, "https://gitlab.com/api/v4"),
        ("https://git.example/team/shop", {"token": "t", "type": "gitlab"}, "https://git.example/api/v4"),
        ("ssh://git@git.example:2222/team/shop", {"token": "t", "type": "gitlab"}, "https://git.example/api/v4"),
        ("https://ghe.example/team/shop", {"token": "t", "type": "github"}, "https://ghe.example/api/v3"),
        (
            "https://git.example/team/shop",
            {"token": "t", "type": "gitlab", "address": "https://git.example/gitlab/api/v4"},
            "https://git.example/gitlab/api/v4",
        ),
    ],
)
async def test_a_secret_leads_to_its_forge(url: str, login: dict[str, str], api: str) -> None:
    """By the host, or by what it says of a host of one's own; also where the installation has no token."""
    async with httpx.AsyncClient() as http:
        found = forges(http, {}).with_login(url, login, "Secret team/forge")
    assert isinstance(found, GitHub | GitLab)
    assert (found.api, found.token.get_secret_value()) == (api, "t")
    assert found.from_where == "key `token` of Secret team/forge"


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({}, "no `token`"),
        ({"token": "t"}, "write its `type`, one of github, gitlab"),
        ({"token": "t", "type": "gogs"}, "write its `type`, one of github, gitlab"),
        ({"token": "t", "type": "gitlab", "address": "git.example"}, "`address` has to begin with https://"),
    ],
)
async def test_a_secret_that_leads_nowhere_names_its_key(login: dict[str, str], said: str) -> None:
    """And the way out."""
    async with httpx.AsyncClient() as http:
        with pytest.raises(InvalidError, match=said):
            forges(http, {}).with_login("https://git.example/team/shop", login, "Secret team/forge")


async def test_a_github_app_goes_before_a_token_and_is_asked_for_one_that_is_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the installation's settings, or by Flux's Secret; at a host of one's own its API is asked."""
    asked: list[dict[str, str]] = []

    async def token(login: dict[str, str], whence: str) -> SecretStr:
        asked.append(login)
        return SecretStr("ghs_fresh")

    monkeypatch.setattr(table, "installation_token", token)
    login = {"githubAppID": "7", "githubAppPrivateKey": "key", "githubAppInstallationID": "42"}
    async with httpx.AsyncClient() as http:
        own = forges(http, {"github.com": SecretStr("t")}, login)("https://github.com/team/shop")
        theirs = forges(http, {}).with_login("https://ghe.example/team/shop", login, "Secret team/app")
    assert isinstance(own, GitHub)
    assert isinstance(theirs, GitHub)
    assert callable(own.token)
    assert callable(theirs.token)
    assert (await own.token()).get_secret_value() == (await theirs.token()).get_secret_value() == "ghs_fresh"
    assert (own.api, theirs.api) == ("https://api.github.com", "https://ghe.example/api/v3")
    assert asked == [login, {**login, "githubAppBaseURL": "https://ghe.example/api/v3"}]


@pytest.mark.parametrize(
    ("given", "login"),
    [
        ({"github_app": "7/42", "github_app_key": "k"}, {"githubAppInstallationID": "42"}),
        ({"github_app": "7/acme", "github_app_key": "k"}, {"githubAppInstallationOwner": "acme"}),
    ],
)
def test_the_settings_of_a_github_app_are_its_login(given: dict[str, Any], login: dict[str, str]) -> None:
    """By its installation's number or owner."""
    assert Settings(**given).github_app_login == {"githubAppID": "7", "githubAppPrivateKey": "k", **login}


@pytest.mark.parametrize("given", [{"github_app": "7/42"}, {"github_app_key": "k"}])
def test_half_of_a_github_app_is_refused_by_the_name_of_its_settings(given: dict[str, Any]) -> None:
    """Before anything is asked of GitHub."""
    with pytest.raises(InvalidError, match="SLUICE_GITHUB_APP and SLUICE_GITHUB_APP_KEY"):
        Settings(**given).github_app_login  # noqa: B018
