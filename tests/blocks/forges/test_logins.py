"""Which forge a Secret leads to, and with which token."""

from __future__ import annotations

import httpx
import pytest

from blocks.forges.github import GitHub
from blocks.forges.gitlab import GitLab
from blocks.forges.table import forges
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
