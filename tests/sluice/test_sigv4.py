"""AWS's signature version 4, held to the examples of AWS's own documentation of S3."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import SecretStr

from sluice.sigv4 import Keys, quoted, quoted_path, signed_for_s3

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", SecretStr("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
HOST, NOW = "examplebucket.s3.amazonaws.com", datetime(2013, 5, 24, tzinfo=UTC)


def signature(path: str, query: dict[str, str], **extra: str) -> str:
    url = f"https://{HOST}{path}{'?' if query else ''}{quoted(query)}"
    made = signed_for_s3(KEYS, "GET", url, NOW, region="us-east-1", extra=extra)
    return made["Authorization"].rpartition("Signature=")[2]


def test_the_examples_of_the_documentation() -> None:
    """Of "Signature Calculations for the Authorization Header": an object, a bucket's lifecycle, a bucket."""
    assert signature("/test.txt", {}, range="bytes=0-9") == (
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    assert signature("/", {"lifecycle": ""}) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    assert signature("/", {"max-keys": "2", "prefix": "J"}) == (
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


def test_odd_names_are_quoted_once_and_in_full() -> None:
    """As the storage quotes them when it checks."""
    assert quoted_path("/b/ä b+c=(1)/d") == "/b/%C3%A4%20b%2Bc%3D%281%29/d"
    assert quoted({"prefix": "a b/&=", "list-type": "2"}) == "list-type=2&prefix=a%20b%2F%26%3D"


def test_the_secret_is_not_shown() -> None:
    """Nor the token of temporary keys, which is sent and signed."""
    keys = Keys("AKID", SecretStr("hidden"), SecretStr("token-1"))
    assert "hidden" not in repr(keys)
    assert "token-1" not in repr(keys)
    made = signed_for_s3(keys, "GET", f"https://{HOST}/", NOW, region="eu-west-1")
    assert made["X-Amz-Security-Token"] == "token-1"
    assert "x-amz-security-token" in made["Authorization"]
