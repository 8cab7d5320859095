"""As whom a bucket is read where its Secret does not say it: a cloud's identity, or a directory's user. Over real HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from blocks.git.mirrors import Git
from sluice.errors import InvalidError, TerminalError, TransientError
from tests.blocks.registries.small import Registry
from tests.blocks.sources.s3_server import ACCESS, SECRET, S3Server
from tests.blocks.sources.test_bucket_source import World
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.sluice.events.senders.signed import private_key

HIDDEN = "hunter2-and-more"
GIVEN = f"""<R xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Credentials><AccessKeyId>{ACCESS}</AccessKeyId>
<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>a&amp;b</SessionToken></Credentials></R>"""


@pytest.fixture
def cloud() -> Iterator[Registry]:
    running = Registry()
    yield running
    running.close()


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    server, cluster = S3Server("apps"), MemoryCluster()
    server.objects = {"a": b"1"}
    async with connected(cluster, router=None, metrics=None, gates=None, git=Git(tmp_path / "home")) as wired:
        yield World(wired, cluster, server)
    server.close()


def secret(world: World, name: str, **data: str) -> None:
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    world.cluster.add({"kind": "Secret", "metadata": {"name": name, "namespace": "team"}, "data": coded})


def directory(host: str) -> dict[str, Any]:
    return {"provider": "ldap", "endpoint": f"http://{host}/", "secretRef": {"name": "user"}}


def form_of(cloud: Registry) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(cloud.bodies[-1]).items()}


async def test_a_user_of_a_directory_gets_temporary_keys(world: World, cloud: Registry) -> None:
    """As MinIO documents `AssumeRoleWithLDAPIdentity`: the session's token is signed along."""
    cloud.answer = lambda request: (200, {}, GIVEN.encode())
    world.server.session = "a&b"
    secret(world, "user", username="shop", password=HIDDEN)
    world.object(
        secretRef=None, sts={"provider": "ldap", "endpoint": f"http://{cloud.host}/", "secretRef": {"name": "user"}}
    )
    assert await world.files() == {"a": "1"}
    assert form_of(cloud) == {
        "Action": "AssumeRoleWithLDAPIdentity",
        "Version": "2011-06-15",
        "LDAPUsername": "shop",
        "LDAPPassword": HIDDEN,
    }


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((403, {}, b"<Error/>"), TerminalError, r"answered 403: check spec\.sts\.secretRef"),
        ((503, {}, b""), TransientError, "answered 503"),
        ((200, {}, b"<html>hello</html>"), TerminalError, "gave no keys: is it a Security Token Service"),
    ],
    ids=["refused", "away", "something else"],
)
async def test_a_service_that_gives_none_is_named_and_nothing_is_shown(
    world: World, cloud: Registry, answer: Any, error: type[Exception], said: str
) -> None:
    cloud.answer = lambda request: answer
    secret(world, "user", username="shop", password=HIDDEN)
    world.object(
        secretRef=None, sts={"provider": "ldap", "endpoint": f"http://{cloud.host}/", "secretRef": {"name": "user"}}
    )
    with pytest.raises(error, match=said) as caught:
        await world.files()
    assert HIDDEN not in str(caught.value)


async def test_a_directory_s_secret_without_a_user_is_named(world: World) -> None:
    secret(world, "user", username="shop")
    world.object(
        secretRef=None, sts={"provider": "ldap", "endpoint": "http://127.0.0.1:1/", "secretRef": {"name": "user"}}
    )
    with pytest.raises(InvalidError, match=r"Secret team/user of spec\.sts\.secretRef needs username and password"):
        await world.files()


async def test_who_sluice_is_to_aws_reads_where_no_secret_does(
    world: World, cloud: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role by web identity (IRSA), asked for at `spec.sts.endpoint` where one is given."""
    (tmp_path / "token").write_text("assertion\n")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/shop")
    cloud.answer = lambda request: (200, {}, GIVEN.encode())
    world.server.session = "a&b"
    world.object(provider="aws", secretRef=None, sts={"provider": "aws", "endpoint": f"http://{cloud.host}"})
    assert await world.files() == {"a": "1"}
    assert form_of(cloud)["WebIdentityToken"] == "assertion"
    assert form_of(cloud)["RoleArn"] == "arn:aws:iam::123456789012:role/shop"


async def test_keys_of_a_secret_go_before_who_sluice_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    world.keys()
    world.object(provider="aws")
    assert await world.files() == {"a": "1"}


async def test_google_s_metadata_server_gives_the_token(
    world: World, cloud: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's storage speaks S3 for lists and objects, and takes its own tokens there."""
    monkeypatch.setenv("GCE_METADATA_HOST", cloud.host)
    cloud.answer = lambda request: (200, {}, {"access_token": HIDDEN, "expires_in": 3599})
    world.server.bearer = HIDDEN
    world.object(provider="gcp", secretRef=None)
    assert await world.files() == {"a": "1"}


async def test_a_service_account_s_key_is_exchanged_for_a_token(world: World, cloud: Registry) -> None:
    """A token to read with, and no more."""
    cloud.answer = lambda request: (200, {}, {"access_token": HIDDEN, "expires_in": 3599})
    world.server.bearer = HIDDEN
    account = {
        "client_email": "shop@acme.iam.gserviceaccount.com",
        "private_key": pem("google-1"),
        "token_uri": f"http://{cloud.host}/token",
    }
    secret(world, "keys", serviceaccount=json.dumps(account))
    world.object(provider="gcp")
    assert await world.files() == {"a": "1"}
    form = form_of(cloud)
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    key, audience = private_key("google-1").public_key(), f"http://{cloud.host}/token"
    said = jwt.decode(form["assertion"], key, algorithms=["RS256"], audience=audience)
    assert (said["iss"], said["scope"]) == (
        "shop@acme.iam.gserviceaccount.com",
        "https://www.googleapis.com/auth/devstorage.read_only",
    )


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"token_uri": "http://127.0.0.1:1", "client_email": "x", "private_key": "x"}']
)
async def test_a_service_account_that_is_none_is_named_without_its_content(world: World, text: str) -> None:
    secret(world, "keys", serviceaccount=text)
    world.object(provider="gcp")
    with pytest.raises(
        InvalidError, match="Secret team/keys needs serviceaccount, the JSON of a service account's key"
    ):
        await world.files()


def pem(of: str) -> str:
    kind = serialization.PrivateFormat.PKCS8
    return private_key(of).private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()
