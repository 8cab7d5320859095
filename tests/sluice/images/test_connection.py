"""What Secrets say about the connection to a registry, in the forms that Flux's users have."""

from __future__ import annotations

import base64
import traceback
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.images.connection import certificates, proxy

HIDDEN = "hunter2-and-more"


def secret(**data: str) -> dict[str, Any]:
    coded = {key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"namespace": "team", "name": "way"}, "data": coded}


def test_certificates_are_read_by_their_names_and_by_flux_s_older_ones() -> None:
    """An authority alone, or with a client's pair."""
    assert certificates(secret(ca__crt="CA")).authority == "CA"
    for made in (
        secret(tls__crt="C", tls__key=HIDDEN, ca__crt="CA"),
        secret(certFile="C", keyFile=HIDDEN, caFile="CA"),
    ):
        found = certificates(made)
        assert (found.authority, found.certificate) == ("CA", "C")
        assert found.key
        assert found.key.get_secret_value() == HIDDEN
        assert HIDDEN not in repr(found)


@pytest.mark.parametrize(
    ("address", "login"),
    [
        ("http://proxy.example:3128", {}),
        ("http://proxy.example:3128", {"username": "a@b", "password": "p:/?"}),
        ("http://other:x@proxy.example:3128", {"username": "a@b", "password": "p:/?"}),
    ],
)
def test_a_proxy_s_login_goes_into_its_address(address: str, login: dict[str, str]) -> None:
    """Whatever characters it has; that of the Secret's own fields goes first."""
    found = proxy(secret(address=address, **login)).get_secret_value()
    assert found == ("http://a%40b:p%3A%2F%3F@proxy.example:3128" if login else address)


@pytest.mark.parametrize(
    ("read", "made", "said"),
    [
        (certificates, secret(), "has no certificates"),
        (certificates, secret(tls__crt=HIDDEN), r"tls\.key is missing"),
        (certificates, secret(tls__key=HIDDEN), r"tls\.crt is missing"),
        (
            certificates,
            {"metadata": {"name": "way", "namespace": "team"}, "data": {"ca.crt": "!"}},
            r"ca\.crt is not base64",
        ),
        (proxy, secret(), "has no proxy"),
        (proxy, secret(address="proxy.example:3128"), "http:// or https://"),
        (proxy, secret(address="socks5://proxy.example"), "http:// or https://"),
        (proxy, secret(address="http://p.example", username=HIDDEN), "half of a login"),
        (proxy, secret(address="http://p.example", password=HIDDEN), "half of a login"),
    ],
)
def test_a_secret_that_is_wrong_is_named(read: Any, made: dict[str, Any], said: str) -> None:
    """By Secret and key, never by what is in it."""
    with pytest.raises(InvalidError, match=said) as refused:
        read(made)
    assert "Secret team/way" in str(refused.value)
    assert HIDDEN not in "".join(traceback.format_exception(refused.value))
