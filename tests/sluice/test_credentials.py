"""Credentials: each form that Flux's users have is read, and no secret ever shows."""

from __future__ import annotations

import base64
import json
import traceback
from typing import Any

import pytest

from sluice.credentials import git_credentials, registry_credentials
from sluice.errors import InvalidError

HIDDEN = "hunter2-and-more"


def secret(**data: str) -> dict[str, Any]:
    encoded = {key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"namespace": "team", "name": "login"}, "data": encoded}


def docker(content: Any) -> dict[str, Any]:
    return secret(__dockerconfigjson=content if isinstance(content, str) else json.dumps(content))


def test_the_forms_of_git_credentials_are_read() -> None:
    """User and password, token, or ssh key with the server's keys."""
    pair = git_credentials(secret(username="bot", password=HIDDEN))
    assert (pair.username, pair.password.get_secret_value()) == ("bot", HIDDEN)
    assert git_credentials(secret(bearerToken=HIDDEN)).bearer_token.get_secret_value() == HIDDEN
    key = git_credentials(secret(identity=HIDDEN, known_hosts="git.example ssh-ed25519 AAAA"))
    assert key.identity.get_secret_value() == HIDDEN
    assert key.known_hosts.startswith("git.example")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (secret(identity=HIDDEN), "no known_hosts"),
        (secret(password=HIDDEN), "needs username and password, bearerToken, or identity"),
        (secret(), "has no git credentials"),
        ({"metadata": {"namespace": "team", "name": "login"}}, "has no git credentials"),
        (
            {"metadata": {"namespace": "team", "name": "login"}, "data": {"password": f"{HIDDEN}!"}},
            "password is missing or",
        ),
        ({"metadata": {"namespace": "team", "name": "login"}, "data": {"password": "//79"}}, "not base64 of a text"),
    ],
)
def test_a_secret_without_credentials_is_named(made: dict[str, Any], said: str) -> None:
    """The error names Secret and key, never the value; an ssh server that nothing vouches for is not trusted."""
    with pytest.raises(InvalidError, match=said) as caught:
        git_credentials(made)
    assert "Secret team/login" in str(caught.value)
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("server", "registry"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io/v2/", "ghcr.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("127.0.0.1:15000", "127.0.0.1:15000"),
    ],
)
def test_the_entry_of_the_registry_is_taken(server: str, registry: str) -> None:
    """However docker wrote the server's name, and whichever of its two forms the entry has."""
    token = base64.b64encode(f"bot:{HIDDEN}:x".encode()).decode()
    for entry in ({"auth": token}, {"username": "bot", "password": f"{HIDDEN}:x"}):
        found = registry_credentials(docker({"auths": {"other.io": {"auth": "eDp5"}, server: entry}}), registry)
        assert found
        assert (found.username, found.password.get_secret_value()) == ("bot", f"{HIDDEN}:x")


SOMEBODY, TEAM = base64.b64encode(b"somebody:a").decode(), base64.b64encode(b"team:b").decode()


@pytest.mark.parametrize(
    ("auths", "path", "user"),
    [
        ({"ghcr.io": SOMEBODY, "ghcr.io/acme": TEAM}, "acme/shop", "team"),
        ({"ghcr.io/acme": TEAM, "ghcr.io": SOMEBODY}, "acme/shop", "team"),
        ({"https://ghcr.io/v2/acme/": TEAM, "ghcr.io": SOMEBODY}, "acme/shop", "team"),
        ({"ghcr.io/acme/shop": TEAM, "ghcr.io/acme": SOMEBODY}, "acme/shop", "team"),
        ({"ghcr.io/acme": SOMEBODY, "ghcr.io": TEAM}, "acme-two/shop", "team"),
        ({"ghcr.io/acme": TEAM}, "other/shop", None),
        ({"*.io": TEAM}, "acme/shop", "team"),
        ({"*.io": SOMEBODY, "ghcr.io": TEAM}, "acme/shop", "team"),
        ({"*.io/acme": TEAM, "ghcr.io": SOMEBODY}, "acme/shop", "team"),
        ({"*.ghcr.io": TEAM, "*": TEAM, "ghcr.io:443": TEAM}, "acme/shop", None),
    ],
)
def test_an_entry_with_a_path_goes_before_its_host_s(auths: dict[str, str], path: str, user: str | None) -> None:
    """As Kubernetes reads a docker config: the longest path that the repository lies under goes first."""
    found = registry_credentials(docker({"auths": {one: {"auth": to} for one, to in auths.items()}}), "ghcr.io", path)
    assert (found.username if found else None) == user


def test_the_older_form_and_the_tokens_of_docker_login_are_read() -> None:
    """`.dockercfg` has no `auths`; `docker login` may keep a token in place of the password."""
    old = secret(__dockercfg=json.dumps({"ghcr.io": {"auth": TEAM}}))
    assert (found := registry_credentials(old, "ghcr.io"))
    assert found.username == "team"
    entry = {"auth": base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode(), "identitytoken": HIDDEN}
    assert (found := registry_credentials(docker({"auths": {"a.azurecr.io": entry}}), "a.azurecr.io"))
    assert found.identity_token.get_secret_value() == HIDDEN
    assert (found := registry_credentials(docker({"auths": {"ghcr.io": {"registrytoken": HIDDEN}}}), "ghcr.io"))
    assert found.registry_token.get_secret_value() == HIDDEN
    assert HIDDEN not in repr(found)


def test_a_secret_says_which_other_hosts_may_know_its_login() -> None:
    """By an entry of the same content for that host, or by an annotation; nothing else does."""
    auths = {"registry.example": {"auth": TEAM}, "git.example": {"auth": TEAM}, "other.example": {"auth": SOMEBODY}}
    made = docker({"auths": auths})
    assert (found := registry_credentials(made, "registry.example"))
    assert found.token_servers == ("git.example",)
    made["metadata"]["annotations"] = {"sluice.dev/token-servers": "auth.example, Token.example:8443"}
    assert (found := registry_credentials(made, "registry.example"))
    assert found.token_servers == ("auth.example", "git.example", "token.example:8443")


def test_no_entry_is_no_login() -> None:
    """A Secret for another registry does not send its password to this one."""
    assert registry_credentials(docker({"auths": {"ghcr.io": {"auth": "eDp5"}}}), "evil-ghcr.io") is None


@pytest.mark.parametrize(
    "made",
    [
        secret(other=HIDDEN),
        docker(f"{{{HIDDEN}"),
        docker([HIDDEN]),
        docker({"auths": {"ghcr.io": HIDDEN}}),
        docker({"auths": {"ghcr.io": {"password": HIDDEN}}}),
        docker({"auths": {"ghcr.io": {"auth": HIDDEN}}}),
        docker({"auths": {"ghcr.io": {"username": "a", "password": [HIDDEN]}}}),
    ],
)
def test_a_broken_docker_config_is_told_without_its_content(made: dict[str, Any]) -> None:
    """Neither the message nor the trace of its causes shows a part of the secret."""
    with pytest.raises(InvalidError, match="Secret team/login") as caught:
        registry_credentials(made, "ghcr.io")
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))


def test_nothing_that_holds_a_secret_shows_it() -> None:
    """Neither repr, nor str, nor a dump for a log."""
    login = registry_credentials(docker({"auths": {"ghcr.io": {"username": "a", "password": HIDDEN}}}), "ghcr.io")
    for one in (
        login,
        git_credentials(secret(username="bot", password=HIDDEN)),
        git_credentials(secret(bearerToken=HIDDEN)),
    ):
        assert one is not None
        assert HIDDEN not in f"{one!r} {one} {one.model_dump()} {one.model_dump_json()}"
