"""A signature of Amazon SNS: of the fields of a message, with a key whose certificate the message names.

The certificate is fetched from SNS's own hosts only, and must be SNS's own: of its name, valid at the time, and signed by
the next one of its file where the file has more than one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sluice.errors import InvalidError
from sluice.events.call import Call

HOST = re.compile(r"sns\.[a-z]{2}[a-z0-9-]+\.amazonaws\.com(\.cn)?")
NAME = re.compile(r"sns\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?")
"""Of a certificate."""
FILE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]+\.pem")
SIGNED: Mapping[str, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""The fields that are signed, by type, in the order in which they are."""
HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS chose it
TYPE_HEADER = "x-amz-sns-message-type"


def is_of_sns(url: str) -> bool:
    """Whether an address is one of SNS's own: https, its host, and neither a login nor a port."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and HOST.fullmatch(parts.netloc) is not None


@dataclass(frozen=True, slots=True)
class SnsSignature:
    """What is known of the sender is no secret: the topics (ARNs, with commas between) whose messages are taken."""

    reads_body: bool = True
    challenge: str = ""
    refusal: str = "Signature: not of SNS, or of a topic that is none of ours (name its ARN in the setting)"

    def claims(self, call: Call) -> bool:
        """Whether it says of itself that it is a message of SNS's."""
        return call.headers.get(TYPE_HEADER, "") in SIGNED

    def keys_at(self, call: Call) -> str:
        """The certificate that the message names.

        Raises:
            InvalidError: it is none of SNS's.
        """
        url = str(_message(call).get("SigningCertURL", ""))
        if not is_of_sns(url) or not FILE.fullmatch(urlsplit(url).path) or urlsplit(url).query:
            raise InvalidError("SigningCertURL: is no certificate of SNS, and was not fetched")
        return url

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether SNS signed it, for one of these topics."""
        message = _message(call)
        if str(message.get("TopicArn", "")) not in {one.strip() for one in secret.split(",")}:
            return False
        signed, way = SIGNED.get(str(message.get("Type"))), HASHES.get(str(message.get("SignatureVersion")))
        if signed is None or way is None:
            return False
        text = "".join(f"{key}\n{message[key]}\n" for key in signed if message.get(key) is not None)
        try:
            key = _trusted(x509.load_pem_x509_certificates(keys), call.at)
            signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
            key.verify(signature, text.encode(), padding.PKCS1v15(), way)
        except (InvalidSignature, ValueError, TypeError, binascii.Error):
            return False
        return True


def _trusted(chain: Sequence[x509.Certificate], at: datetime) -> rsa.RSAPublicKey:
    """The key of the first certificate.

    Raises:
        ValueError: it is not SNS's, not of this time, or not signed by the next one.
        InvalidSignature: the same of its signature.
    """
    for one, issuer in pairwise(chain):
        one.verify_directly_issued_by(issuer)
    if not all(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in chain):
        raise ValueError("not valid at this time")
    if not any(NAME.fullmatch(name) for name in _names(chain[0])):
        raise ValueError("not the name of SNS")
    key = chain[0].public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("no RSA key")
    return key


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return found.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return [str(one.value) for one in common]


def _message(call: Call) -> Mapping[str, Any]:
    try:
        message = json.loads(call.body)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"body: no JSON ({str(error)[:120]})") from error
    if not isinstance(message, Mapping):
        raise InvalidError(f"body: expected an object, got {type(message).__name__}")
    return message
