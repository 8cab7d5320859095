"""Whose tokens of Google's are taken: the signature, for whom, by whom, and until when."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest

from sluice.events.verification.google_token import KEYS, GoogleToken
from tests.sluice.events.senders.calls import NOW, call
from tests.sluice.events.senders.signed import google_keys, google_token

KNOWN = "push@project.iam.gserviceaccount.com https://sluice.example/google"
WAY = GoogleToken()


def accepted(token: str, known: str = KNOWN, keys: bytes | None = None, late: float = 0) -> bool:
    made = call({}, {"Authorization": f"Bearer {token}"}, at=NOW + timedelta(seconds=late))
    assert WAY.keys_at(made) == KEYS
    return WAY.accepts(made, known, google_keys("google-1") if keys is None else keys)


def test_a_token_of_the_subscription_s_account_is_accepted() -> None:
    """Also when Google has several keys, and by the issuer's older name."""
    assert accepted(google_token("google-1", NOW))
    assert accepted(google_token("google-1", NOW), keys=google_keys("google-2", "google-1"))
    assert accepted(google_token("google-1", NOW, iss="accounts.google.com"))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"email": "other@project.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None},
        {"iss": "https://accounts.evil.example"},
        {"exp": None},
        {"aud": None},
    ],
    ids=str,
)
def test_a_token_for_somebody_else_is_refused(claims: dict[str, Any]) -> None:
    """Google signs tokens for everybody's service accounts and audiences."""
    assert not accepted(google_token("google-1", NOW, **claims))


def test_a_token_is_good_for_its_time() -> None:
    """A minute is allowed for clocks that differ."""
    token = google_token("google-1", NOW)
    assert accepted(token, late=3630)
    assert not accepted(token, late=3700)
    assert accepted(token, late=-30)
    assert not accepted(token, late=-120)


def test_a_token_that_google_did_not_sign_is_refused() -> None:
    """Of another key under Google's name for one, of a key that it does not publish, unsigned, or with what is public."""
    assert not accepted(google_token("google-2", NOW))
    keys = json.loads(google_keys("google-2"))
    keys["keys"][0]["kid"] = "google-1"
    assert not accepted(google_token("google-1", NOW), keys=json.dumps(keys).encode())
    said = jwt.decode(google_token("google-1", NOW), options={"verify_signature": False})
    assert not accepted(jwt.encode(said, None, algorithm="none", headers={"kid": "google-1"}))
    public = "x" * 64
    assert not accepted(jwt.encode(said, public, algorithm="HS256", headers={"kid": "google-1"}))


@pytest.mark.parametrize("token", ["", "a.b.c", "a.b", "é.é.é", ".."])
def test_what_is_no_token_is_refused(token: str) -> None:
    """In whatever way it is none."""
    assert not accepted(token)


@pytest.mark.parametrize(
    "keys", [b"", b"[]", b'{"keys": [1]}', b'{"keys": [{"kid": "google-1", "kty": "RSA"}]}', b"{}"]
)
def test_keys_that_are_none_accept_nothing(keys: bytes) -> None:
    """Should Google's address answer something else one day."""
    assert not accepted(google_token("google-1", NOW), keys=keys)


@pytest.mark.parametrize(
    "known", ["push@project.iam.gserviceaccount.com", "push@project.iam.gserviceaccount.com ", " "]
)
def test_both_account_and_audience_have_to_be_set(known: str) -> None:
    """One alone would let in what somebody else has signed."""
    assert not accepted(google_token("google-1", NOW), known)
    assert "ACCOUNT AUDIENCE" in WAY.refusal
