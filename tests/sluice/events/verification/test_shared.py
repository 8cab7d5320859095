"""Proofs that rest on a shared secret alone."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from sluice.events.call import Call
from sluice.events.verification.base import Verification
from sluice.events.verification.bearer import BearerToken
from sluice.events.verification.either import Either
from sluice.events.verification.header_token import HeaderToken
from sluice.events.verification.path_token import PathToken
from sluice.events.verification.signature import BodySignature
from tests.sluice.events.senders.calls import NOW

SIGNED = BodySignature(header="X-Signature", prefix="sha256=")


@pytest.mark.parametrize(("way", "before"), [(BearerToken(), "Bearer "), (HeaderToken(header="Authorization"), "")])
@pytest.mark.parametrize("secret", ["s3cret", "geheim-ß", "密码"])
def test_a_secret_may_be_in_any_script(way: Verification, before: str, secret: str) -> None:
    """A server reads the bytes of a header as Latin-1, whatever the sender meant by them."""
    as_read = f"{before}{secret}".encode().decode("latin-1")
    assert way.accepts(Call({"Authorization": as_read}, NOW), secret)
    assert not way.accepts(Call({"Authorization": as_read}, NOW), f"{secret}x")
    assert not way.accepts(Call({}, NOW), secret)


def test_a_secret_in_the_path_is_the_whole_of_its_last_part() -> None:
    """And nothing claims to be one where it is missing."""
    way = PathToken()
    assert way.accepts(Call({}, NOW, token="s3cret"), "s3cret")
    assert not way.accepts(Call({}, NOW, token="s3cre"), "s3cret")
    assert not way.claims(Call({}, NOW))


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_signature_is_of_the_raw_body_by_its_algorithm(algorithm: str) -> None:
    """The length of it is looked at before the body is read."""
    way = BodySignature(header="X-Signature", algorithm=algorithm)
    good = hmac.new(b"s3cret", b"body", algorithm).hexdigest()
    assert len(good) == 2 * hashlib.new(algorithm).digest_size
    assert way.claims(Call({"X-Signature": good}, NOW))
    assert way.accepts(Call({"X-Signature": good}, NOW, body=b"body"), "s3cret")
    assert not way.accepts(Call({"X-Signature": good}, NOW, body=b"body "), "s3cret")
    assert not way.claims(Call({"X-Signature": good[:-1]}, NOW))


def test_one_of_several_ways_is_enough() -> None:
    """The refusal names all of them."""
    way = Either((SIGNED, HeaderToken(header="X-Token")))
    assert way.reads_body
    assert way.accepts(Call({"X-Token": "s3cret"}, NOW), "s3cret")
    signature = "sha256=" + hmac.new(b"s3cret", b"body", "sha256").hexdigest()
    assert way.accepts(Call({"X-Signature": signature}, NOW, body=b"body"), "s3cret")
    assert not way.accepts(Call({"X-Token": "other"}, NOW), "s3cret")
    assert not way.claims(Call({}, NOW))
    assert way.refusal == "X-Signature: wrong or missing signature of the body; or X-Token: wrong or missing secret"
