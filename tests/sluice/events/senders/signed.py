"""Keys and signatures of the senders that have keys of their own: made here, as Google and Amazon make them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sluice.events.verification.sns import HASHES, SIGNED

CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0f1e2d3c.pem"


@cache
def private_key(of: str) -> rsa.RSAPrivateKey:
    """A key for each name: making one takes a while."""
    assert of
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def google_keys(*names: str) -> bytes:
    """A JWK set as https://www.googleapis.com/oauth2/v3/certs has it."""
    keys = [jwt.algorithms.RSAAlgorithm.to_jwk(private_key(name).public_key(), as_dict=True) for name in names]
    named = zip(keys, names, strict=True)
    return json.dumps({"keys": [key | {"kid": name, "use": "sig", "alg": "RS256"} for key, name in named]}).encode()


def google_token(of: str, at: datetime, **claims: Any) -> str:
    """A token as Pub/Sub sends it; the claims are those of Google's documentation of authenticated push."""
    said = {
        "aud": "https://sluice.example/google",
        "azp": "113774264463038321964",
        "email": "push@project.iam.gserviceaccount.com",
        "email_verified": True,
        "exp": int((at + timedelta(hours=1)).timestamp()),
        "iat": int(at.timestamp()),
        "iss": "https://accounts.google.com",
        "sub": "113774264463038321964",
    }
    claims = {key: value for key, value in (said | claims).items() if value is not None}
    return jwt.encode(claims, private_key(of), algorithm="RS256", headers={"kid": of})


@dataclass(frozen=True)
class Issued:
    """A certificate and whose key it has."""

    certificate: x509.Certificate
    of: str

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def issued(
    of: str,
    name: str = "sns.amazonaws.com",
    by: Issued | None = None,
    until: datetime = datetime(2100, 1, 1, tzinfo=UTC),
) -> Issued:
    """A certificate of a name, signed by another one or by itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(private_key(of).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return Issued(made.sign(private_key(by.of if by else of), hashes.SHA256()), of)


def sns_message(of: str, fields: Mapping[str, str], version: str = "2") -> dict[str, str]:
    """A message as SNS posts it to https subscribers, signed with the key of that name.

    Shape: "HTTP/HTTPS notification JSON format" and "HTTP/HTTPS subscription confirmation JSON format" of the Amazon SNS
    Developer Guide.
    """
    message = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:ecr",
        "Timestamp": "2026-11-27T12:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        **fields,
    }
    text = "".join(f"{key}\n{message[key]}\n" for key in SIGNED[message["Type"]] if key in message)
    signature = private_key(of).sign(text.encode(), padding.PKCS1v15(), HASHES[version])
    return message | {"Signature": base64.b64encode(signature).decode()}
