"""Logins that clouds give: stand-ins that take the documented requests only, over real HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from blocks.registries.base import USUAL
from blocks.registries.distribution import Distribution
from blocks.registries.logins.aws import Aws
from blocks.registries.logins.azure import ASSERTION, Azure
from blocks.registries.logins.base import Login
from blocks.registries.logins.gcp import Gcp
from blocks.registries.logins.table import LOGINS
from blocks.registries.table import Registries
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.images.reference import parse_repository
from sluice.sigv4 import Keys, signed
from tests.blocks.registries.small import Answer, Registry, Request

ECR = parse_repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/shop")
ACR = parse_repository("acme.azurecr.io/team/shop")
GAR = parse_repository("europe-docker.pkg.dev/acme/team/shop")
HIDDEN = "hunter2-and-more"


@pytest.fixture
def cloud() -> Iterator[Registry]:
    running = Registry()
    yield running
    running.close()


def registries(login: Login, name: str = "cloud", **more: Any) -> Registries:
    return Registries({"generic": Distribution(timeout=2.0)}, {name: login}, **more)


# Google


async def test_google_s_metadata_server_gives_the_token_of_the_account(cloud: Registry) -> None:
    """As Google documents it: the header that proves that nobody was sent there, user `oauth2accesstoken`."""
    cloud.answer = lambda request: (200, {}, {"access_token": HIDDEN, "expires_in": 3599, "token_type": "Bearer"})
    login = await registries(Gcp({"GCE_METADATA_HOST": cloud.host})).login("cloud", GAR)
    assert login
    assert (login.username, login.password.get_secret_value()) == ("oauth2accesstoken", HIDDEN)
    assert cloud.asked == [("GET", "/computeMetadata/v1/instance/service-accounts/default/token", "")]
    assert cloud.headers[0]["metadata-flavor"] == "Google"


# Azure


async def test_azure_s_workload_identity_is_exchanged_for_the_registry_s_token(cloud: Registry, tmp_path: Path) -> None:
    """The pod's assertion → Entra ID's token → ACR's refresh token (AAD-OAuth) → what the challenge asks for."""
    (tmp_path / "token").write_text("assertion\n")
    environment = {
        "AZURE_CLIENT_ID": "client",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
        "AZURE_AUTHORITY_HOST": f"http://{cloud.host}/",
    }

    def answer(request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(cloud.bodies[-1]).items()}
        match urlsplit(request[1]).path:
            case "/tenant/oauth2/v2.0/token":
                assert form == {
                    "grant_type": "client_credentials",
                    "client_id": "client",
                    "scope": "https://management.azure.com/.default",
                    "client_assertion_type": ASSERTION,
                    "client_assertion": "assertion",
                }
                return 200, {}, {"access_token": "aad"}
            case "/oauth2/exchange":
                assert form == {"grant_type": "access_token", "service": "acme.azurecr.io", "access_token": "aad"}
                return 200, {}, {"refresh_token": HIDDEN}
        return 404, {}, {}

    cloud.answer = answer
    sut = Azure(environment)
    sut.exchange = f"http://{cloud.host}/oauth2/exchange"
    login = await registries(sut).login("cloud", ACR)
    assert login
    assert login.identity_token.get_secret_value() == HIDDEN
    assert [request[0] for request in cloud.asked] == ["POST", "POST"]


async def test_azure_s_managed_identity_is_the_node_s(cloud: Registry) -> None:
    """Without a workload identity: the instance's metadata service, with the header that it asks for."""

    def answer(request: Request) -> Answer:
        if urlsplit(request[1]).path == "/oauth2/exchange":
            return 200, {}, {"refresh_token": HIDDEN}
        assert parse_qs(urlsplit(request[1]).query) == {
            "api-version": ["2018-02-01"],
            "resource": ["https://management.azure.com/"],
            "client_id": ["client"],
        }
        assert cloud.headers[-1]["metadata"] == "true"
        return 200, {}, {"access_token": "aad"}

    cloud.answer = answer
    sut = Azure({"AZURE_CLIENT_ID": "client", "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://{cloud.host}"})
    sut.exchange = f"http://{cloud.host}/oauth2/exchange"
    assert await registries(sut).login("cloud", ACR)
    assert cloud.asked[0][1].startswith("/metadata/identity/oauth2/token?")


# Amazon


SUITE = Keys("AKIDEXAMPLE", SecretStr("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
VECTORS = {
    "get-vanilla": (("GET", {}, b""), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "post-vanilla": (("POST", {}, b""), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-x-www-form-urlencoded": (
        ("POST", {"Content-Type": "application/x-www-form-urlencoded"}, b"Param1=value1"),
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
}


@pytest.mark.parametrize(("given", "signature"), VECTORS.values(), ids=VECTORS)
def test_requests_are_signed_as_aws_s_test_suite_has_it(
    given: tuple[str, dict[str, str], bytes], signature: str
) -> None:
    """The Signature Version 4 test suite that AWS publishes (also in botocore's tests, `aws4_testsuite`)."""
    method, headers, body = given
    moment = datetime(2015, 8, 30, 12, 36, 0, tzinfo=UTC)
    url = "https://example.amazonaws.com/"
    sent = signed(SUITE, method, url, headers, body, region="us-east-1", service="service", now=moment)
    assert sent["Authorization"].endswith(f"Signature={signature}")


def ecr(cloud: Registry, moment: float, keys: Keys) -> Any:
    """ECR as it documents `GetAuthorizationToken`: what is not signed by these keys is refused."""

    def answer(request: Request) -> Answer:
        headers = cloud.headers[-1]
        asked = {"Content-Type": headers["content-type"], "X-Amz-Target": headers["x-amz-target"]}
        proven = signed(
            keys,
            request[0],
            f"http://{cloud.host}/",
            asked,
            cloud.bodies[-1].encode(),
            region="eu-west-1",
            service="ecr",
            now=datetime.fromtimestamp(moment, UTC),
        )
        if headers["authorization"] != proven["Authorization"]:
            return 400, {}, {"__type": "InvalidSignatureException"}
        assert headers["x-amz-target"] == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
        assert headers["content-type"] == "application/x-amz-json-1.1"
        assert json.loads(cloud.bodies[-1]) == {}
        token = base64.b64encode(f"AWS:{HIDDEN}".encode()).decode()
        return 200, {}, {"authorizationData": [{"authorizationToken": token, "expiresAt": moment + 43200.0}]}

    return answer


GIVEN = Keys("ASIA1", SecretStr("secret"), SecretStr("session+/="))
TEMPORARY = {"AccessKeyId": "ASIA1", "SecretAccessKey": "secret", "Token": "session+/="}


async def test_ecr_gives_a_token_for_the_keys_of_the_environment(cloud: Registry) -> None:
    """One signed call."""
    moment = 1_700_000_000.0
    cloud.answer = ecr(cloud, moment, SUITE)
    environment = {
        "AWS_ENDPOINT_URL_ECR": f"http://{cloud.host}/",
        "AWS_ACCESS_KEY_ID": SUITE.access,
        "AWS_SECRET_ACCESS_KEY": SUITE.secret.get_secret_value(),
    }
    login = await registries(Aws(environment, lambda: moment)).login("cloud", ECR)
    assert login
    assert (login.username, login.password.get_secret_value()) == ("AWS", HIDDEN)


async def test_a_role_is_assumed_by_web_identity(cloud: Registry, tmp_path: Path) -> None:
    """IRSA: the pod's token at STS, which answers in XML; then ECR with the keys of the role."""
    (tmp_path / "token").write_text("jwt")
    moment = 1_700_000_000.0
    given = ecr(cloud, moment, GIVEN)

    def answer(request: Request) -> Answer:
        if "x-amz-target" in cloud.headers[-1]:
            return given(request)  # type: ignore[no-any-return]
        form = {name: values[0] for name, values in parse_qs(cloud.bodies[-1]).items()}
        assert form == {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": "arn:aws:iam::123456789012:role/sluice",
            "RoleSessionName": "sluice",
            "WebIdentityToken": "jwt",
        }
        said = (
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            "<SessionToken>session+/=</SessionToken><SecretAccessKey>secret</SecretAccessKey>"
            "<AccessKeyId>ASIA1</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>"
            "</AssumeRoleWithWebIdentityResponse>"
        )
        return 200, {"Content-Type": "text/xml"}, said.encode()

    cloud.answer = answer
    environment = {
        "AWS_ENDPOINT_URL_ECR": f"http://{cloud.host}/",
        "AWS_ENDPOINT_URL_STS": f"http://{cloud.host}",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/sluice",
    }
    assert await registries(Aws(environment, lambda: moment)).login("cloud", ECR)
    assert [request[0] for request in cloud.asked] == ["POST", "POST"]


async def test_a_pod_s_identity_and_the_node_s_role_are_found(cloud: Registry, tmp_path: Path) -> None:
    """EKS Pod Identity by the agent, and IMDSv2 with its session token."""
    (tmp_path / "token").write_text("jwt")
    moment = 1_700_000_000.0
    given = ecr(cloud, moment, GIVEN)

    def answer(request: Request) -> Answer:
        headers = cloud.headers[-1]
        if "x-amz-target" in headers:
            return given(request)  # type: ignore[no-any-return]
        match request[0], request[1]:
            case "GET", "/v1/credentials":
                return (200, {}, TEMPORARY) if headers["authorization"] == "jwt" else (401, {}, {})
            case "PUT", "/latest/api/token":
                assert headers["x-aws-ec2-metadata-token-ttl-seconds"] == "60"
                return 200, {}, b"imds"
        if headers.get("x-aws-ec2-metadata-token") != "imds":
            return 401, {}, {}
        whole = request[1].endswith("/node")
        return 200, {}, TEMPORARY if whole else b"node"

    cloud.answer = answer
    common = {"AWS_ENDPOINT_URL_ECR": f"http://{cloud.host}/"}
    pod = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{cloud.host}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }
    node = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{cloud.host}"}
    for who in (pod, node):
        assert await registries(Aws(common | who, lambda: moment)).login("cloud", ECR)
    assert [request[0] for request in cloud.asked] == ["GET", "POST", "PUT", "GET", "GET", "POST"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "https://api.ecr.eu-west-1.amazonaws.com/"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "https://api.ecr.cn-north-1.amazonaws.com.cn/"),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "https://ecr-fips.us-east-1.amazonaws.com/"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "https://ecr.eu-west-1.api.aws/"),
    ],
)
def test_each_partition_s_ecr_is_asked_where_it_is(host: str, address: str) -> None:
    """As AWS lists ECR's endpoints."""
    from blocks.registries.logins import aws

    assert Aws({})._address(aws._HOST.fullmatch(host)) == address


# All of them


@pytest.mark.parametrize("name", LOGINS)
def test_a_cloud_s_login_is_for_its_own_registries_only(name: str) -> None:
    """A wrong provider is refused by name; no token goes to a registry that only looks like the cloud's."""
    sut = LOGINS[name]({})
    for image in (
        "ghcr.io/team/shop",
        "evil-acme.azurecr.io.evil.example/a",
        "gcr.io.evil.example/a",
        "evilgcr.io/a",
        "docker.pkg.dev.evil.example/a",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example/a",
    ):
        with pytest.raises(InvalidError, match=f"spec.provider {name}"):
            sut.scope(parse_repository(image))
    own = {"aws": (ECR, parse_repository("public.ecr.aws/acme/shop")), "azure": (ACR,), "gcp": (GAR,)}[name]
    assert len({sut.scope(where) for where in own}) == len(own)


@pytest.mark.parametrize(
    ("status", "error"), [(403, TerminalError), (400, TerminalError), (429, TransientError), (500, TransientError)]
)
async def test_a_cloud_that_refuses_says_so_without_a_secret(
    cloud: Registry, status: int, error: type[Exception]
) -> None:
    """What may pass is known from what may not; neither keys nor the answer are in the message."""
    cloud.answer = lambda request: (status, {"Retry-After": "7"}, {"message": HIDDEN})
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": HIDDEN, "AWS_ENDPOINT_URL_ECR": f"http://{cloud.host}/"}
    for login, where in ((Aws(keys), ECR), (Gcp({"GCE_METADATA_HOST": cloud.host}), GAR)):
        with pytest.raises(error, match="no login for") as refused:
            await registries(login).login("cloud", where)
        assert HIDDEN not in str(refused.value)
        if isinstance(refused.value, TransientError):
            assert refused.value.retry_after == 7


@pytest.mark.parametrize("body", [b"<html>", b"[]", {}, {"access_token": 7}, {"authorizationData": [{}]}])
async def test_an_odd_answer_is_a_refusal(cloud: Registry, body: Any) -> None:
    """Such as a captive portal's."""
    cloud.answer = lambda request: (200, {}, body)
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL_ECR": f"http://{cloud.host}/"}
    azure = Azure({"AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://{cloud.host}"})
    for login, where in ((Aws(keys), ECR), (Gcp({"GCE_METADATA_HOST": cloud.host}), GAR), (azure, ACR)):
        with pytest.raises(TerminalError, match="no login for"):
            await registries(login).login("cloud", where)


async def test_a_login_is_asked_for_once_while_it_is_good(cloud: Registry) -> None:
    """However many repositories of its scope ask at the same time."""
    import asyncio

    now = [0.0]
    cloud.answer = lambda request: (200, {}, {"access_token": "T", "expires_in": 1000})
    sut = registries(Gcp({"GCE_METADATA_HOST": cloud.host}), clock=lambda: now[0])
    others = [parse_repository(f"eu.gcr.io/acme/app{number}") for number in range(20)]
    await asyncio.gather(*(sut.login("cloud", where, USUAL) for where in others))
    assert len(cloud.asked) == 1
    for now[0], calls in ((799.0, 1), (801.0, 2)):
        await sut.login("cloud", GAR)
        assert len(cloud.asked) == calls
    assert await sut.login("generic", GAR) is None
    with pytest.raises(InvalidError, match=r"spec\.provider 'clouds'"):
        await sut.login("clouds", GAR)
