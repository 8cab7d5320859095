"""Whose messages of Amazon SNS are taken: the certificate, the signature, the topic."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.events.verification.sns import SnsSignature
from tests.sluice.events.senders.calls import call
from tests.sluice.events.senders.signed import CERTIFICATE, issued, sns_message

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ecr"
WAY = SnsSignature()


def accepted(message: dict[str, Any], topics: str = TOPIC, certificate: bytes | None = None) -> bool:
    made = call(message)
    assert WAY.keys_at(made) == CERTIFICATE
    return WAY.accepts(made, topics, issued("sns").pem if certificate is None else certificate)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("fields", [{"Message": "m"}, {"Message": "m", "Subject": "s"}], ids=["plain", "subject"])
def test_what_sns_signed_is_accepted(version: str, fields: dict[str, str]) -> None:
    """Both versions of its signature; a subject is signed where there is one."""
    assert accepted(sns_message("sns", fields, version))


def test_a_message_that_was_changed_is_refused() -> None:
    """Each field that is signed counts."""
    message = sns_message("sns", {"Message": "m", "Subject": "s"})
    for field in ("Message", "MessageId", "Subject", "Timestamp", "Signature"):
        assert not accepted(message | {field: "other"}), field
    assert not accepted({key: value for key, value in message.items() if key != "Subject"})


def test_a_message_of_somebody_else_s_topic_is_refused() -> None:
    """SNS signs everybody's: what counts is whose topic it is. Several may be named."""
    message = sns_message("sns", {"Message": "m"})
    assert accepted(message, f"arn:aws:sns:eu-west-1:1:a, {TOPIC}")
    assert not accepted(message, "arn:aws:sns:eu-west-1:1:a")
    assert not accepted(message, TOPIC[:-1])


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0f.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0f.pem",
        "https://evil.example/SimpleNotificationService-0f.pem",
        "https://s3.amazonaws.com/bucket/SimpleNotificationService-0f.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0f.pem",
        "https://sns.eu-west-1.amazonaws.com/?Action=GetTopicAttributes",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0f.pem?x=/../y",
        "",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(url: str) -> None:
    """Anybody can sign with a key of his own and name its certificate."""
    message = sns_message("sns", {"Message": "m", "SigningCertURL": url})
    with pytest.raises(InvalidError, match="SigningCertURL: is no certificate of SNS, and was not fetched"):
        WAY.keys_at(call(message))


def test_a_certificate_has_to_be_sns_s_own() -> None:
    """Its name, its time, its key, and its issuer where the file has one."""
    message, authority = sns_message("sns", {"Message": "m"}), issued("authority", "Amazon Test CA")
    good = issued("sns", by=authority)
    assert accepted(message, certificate=good.pem + authority.pem)
    assert accepted(message, certificate=issued("sns", "sns.eu-west-1.amazonaws.com").pem)
    wrong = {
        "another name": issued("sns", "bucket.s3.amazonaws.com").pem,
        "a longer name": issued("sns", "sns.amazonaws.com.evil.example").pem,
        "of another time": issued("sns", until=datetime(2021, 1, 1, tzinfo=UTC)).pem,
        "of another key": issued("google-1").pem,
        "not signed by the next one": good.pem + issued("google-1", "Amazon Test CA").pem,
        "none": b"",
        "no certificate": b"<html>",
    }
    for what, certificate in wrong.items():
        assert not accepted(message, certificate=certificate), what


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_message_is_refused_in_words(body: bytes) -> None:
    """Before anything is fetched."""
    with pytest.raises(InvalidError, match=r"^body: "):
        WAY.keys_at(call(body))


def test_a_message_of_another_kind_or_version_is_refused() -> None:
    """What is signed of it would not be known."""
    message = json.loads(json.dumps(sns_message("sns", {"Message": "m"})))
    assert not accepted(message | {"Type": "Other"})
    assert not accepted(message | {"SignatureVersion": "3"})
