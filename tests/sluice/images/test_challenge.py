"""Challenges of registries: how they are read, and where a login may go for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import TerminalError
from sluice.images.challenge import challenges, token_server


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ('Basic realm="r"', [("basic", {"realm": "r"})]),
        ('Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"', None),
        ('basic realm="a, b",Bearer realm=x', [("basic", {"realm": "a, b"}), ("bearer", {"realm": "x"})]),
        (r'Bearer realm="a\"b"', [("bearer", {"realm": 'a"b'})]),
        ('Bearer realm="a",realm="b"', [("bearer", {"realm": "a"})]),
        ('realm="a"', []),
        ("Negotiate", [("negotiate", {})]),
        ("", []),
    ],
)
def test_a_challenge_is_read_as_rfc_7235_has_it(header: str, read: list[tuple[str, dict[str, str]]] | None) -> None:
    """Quoted or not, several in one header, and commas within quotes are no separators."""
    wanted = [("bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:a:pull,push"})]
    assert [(one.scheme, dict(one.parameters)) for one in challenges([header])] == (wanted if read is None else read)


@given(st.text(max_size=200))
def test_no_header_is_an_error_that_nobody_expected(header: str) -> None:
    """Whatever a server writes there: ways in, or none."""
    assert all(one.scheme for one in challenges([header]))


ALLOWED = [
    ("ghcr.io", "https://ghcr.io", "https://ghcr.io/token"),
    ("docker.io", "https://registry-1.docker.io", "https://auth.docker.io/token"),
    ("registry.gitlab.com", "https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
    ("git.example:5050", "https://git.example:5050", "https://git.example/jwt/auth"),
    ("r.example", "https://r.example", "/token"),
    ("r.example", "http://r.example", "http://r.example/token"),
    ("r.example", "http://r.example", "https://r.example/token"),
    ("127.0.0.1:5000", "http://127.0.0.1:5000", "http://localhost:5001/token"),
    ("rg.fr-par.scw.cloud", "https://rg.fr-par.scw.cloud", "https://api.scaleway.com/registry-internal/v1/tokens"),
]


@pytest.mark.parametrize(("registry", "base", "realm"), ALLOWED, ids=[row[2] for row in ALLOWED])
def test_a_login_goes_to_the_registry_and_what_is_known_to_belong_to_it(registry: str, base: str, realm: str) -> None:
    """With no word of the user."""
    assert token_server(registry, base, realm, login=True).endswith(realm)


REFUSED = [
    ("ghcr.io", "https://ghcr.io", "https://evil.example/token", "another host"),
    ("ghcr.io", "https://ghcr.io", "https://ghcr.io.evil.example/token", "another host"),
    ("ghcr.io", "https://ghcr.io", "https://evil-ghcr.io/token", "another host"),
    ("ghcr.io", "https://ghcr.io", "http://ghcr.io/token", "from https to http"),
    ("ghcr.io", "https://ghcr.io", "https://ghcr.io@evil.example/token", "a login in it"),
    ("ghcr.io", "https://ghcr.io", "file:///etc/passwd", "no http address"),
    ("ghcr.io", "https://ghcr.io", "https://[::1/token", "no address"),
    ("ghcr.io", "https://ghcr.io", "https://ghcr.io:port/token", "no address"),
    ("evil.example", "https://evil.example", "https://auth.docker.io/token", "another host"),
    ("r.example", "http://r.example", "http://127.0.0.1:9/token", "another host"),
]


@pytest.mark.parametrize(("registry", "base", "realm", "said"), REFUSED, ids=[row[2] for row in REFUSED])
def test_a_login_goes_nowhere_else(registry: str, base: str, realm: str, said: str) -> None:
    """The message says which host, and how it is allowed where that is right."""
    with pytest.raises(TerminalError, match=said) as refused:
        token_server(registry, base, realm, login=True)
    assert "ghcr.io@" not in str(refused.value)


def test_the_secret_may_name_another_host_but_not_http_in_place_of_https() -> None:
    """By name, or by name and port."""
    base, realm = "https://r.example", "https://auth.example:8443/token"
    for trusted in ("auth.example", "auth.example:8443"):
        assert token_server("r.example", base, realm, login=True, trusted=[trusted]) == realm
    with pytest.raises(TerminalError, match=r"another host.*token-servers: auth.example:8443"):
        token_server("r.example", base, realm, login=True, trusted=["auth.example:443"])
    with pytest.raises(TerminalError, match="https to http"):
        token_server("r.example", base, "http://auth.example/", login=True, trusted=["auth.example"])


def test_without_a_login_any_token_server_may_be_asked_by_https() -> None:
    """There is nothing to lose; by http it could be asked about this machine's own network."""
    realm = "https://auth.example/token"
    assert token_server("r.example", "https://r.example", realm, login=False) == realm
    with pytest.raises(TerminalError, match="by https only"):
        token_server("r.example", "http://r.example", "http://169.254.169.254/token", login=False)
