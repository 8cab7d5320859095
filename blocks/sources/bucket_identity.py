"""As whom a bucket is read: keys of its Secret, or who sluice is to the cloud, or a login of a directory (LDAP).

A row a provider. Temporary keys and tokens are asked for each time that a source is opened, and kept nowhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from pydantic import SecretStr

from blocks.bounded_http import asked
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from blocks.registries.base import USUAL, Way
from blocks.registries.logins.aws_identity import keys_in, keys_of
from blocks.registries.logins.base import CALL, Caller, calling, fields
from blocks.registries.logins.gcp import Gcp
from blocks.sources.access import certificates_of, proxy_of, verification
from sluice.credentials import name_of, texts
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.images.reference import Repository
from sluice.manifests.flux.bucket import Bucket, BucketSts
from sluice.sigv4 import Keys

USUAL_REGION = "us-east-1"
READ = "https://www.googleapis.com/auth/devstorage.read_only"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCOUNT = "serviceaccount"
"""Key of a Secret with a service account's JSON, as Google makes it."""
STS: Mapping[str, tuple[str, bool]] = {"aws": ("aws", False), "generic": ("ldap", True)}
"""By provider the service that gives temporary keys, as Flux's definition has it, and whether it takes Secrets."""
_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reads: by keys that sign, or by a token; by neither as anybody."""

    keys: Keys | None = None
    token: SecretStr | None = None


async def identity_of(cluster: Cluster, source: Bucket) -> Identity:
    """As whom a Bucket's objects are read.

    Raises:
        NotFoundError: a Secret that it names is not there.
        InvalidError: a Secret has not what it should have, or it asks for what sluice cannot do.
        TransientError, TerminalError: who gives temporary keys does not answer, or refuses.
    """
    spec = source.spec
    if spec.provider not in PROVIDERS:
        raise InvalidError(f"spec.provider {spec.provider!r} is not supported yet; use one of: {', '.join(PROVIDERS)}")
    if spec.sts:
        _refuse_sts(spec.provider, spec.sts)
    secret = texts(await cluster.get(SECRET, spec.secret_ref.name, source.namespace)) if spec.secret_ref else None
    return await PROVIDERS[spec.provider](cluster, source, secret)


async def _generic(cluster: Cluster, source: Bucket, secret: Mapping[str, str] | None) -> Identity:
    if secret is not None:
        return Identity(_keys(source, secret))
    return Identity(await _by_directory(cluster, source, source.spec.sts) if source.spec.sts else None)


async def _aws(cluster: Cluster, source: Bucket, secret: Mapping[str, str] | None) -> Identity:
    if secret is not None:
        return Identity(_keys(source, secret))
    given = {"AWS_ENDPOINT_URL_STS": source.spec.sts.endpoint} if source.spec.sts else {}
    async with _caller(cluster, source) as caller:
        return Identity(await keys_of({**os.environ, **given}, source.spec.region or USUAL_REGION, caller))


async def _gcp(cluster: Cluster, source: Bucket, secret: Mapping[str, str] | None) -> Identity:
    async with _caller(cluster, source) as caller:
        if secret is not None:
            return Identity(token=await _by_account(source, secret.get(ACCOUNT, ""), caller))
        given = await Gcp(os.environ).login(caller.where, caller)
        return Identity(token=given.login.password)


PROVIDERS: Mapping[str, Callable[[Cluster, Bucket, Mapping[str, str] | None], Awaitable[Identity]]] = {
    "generic": _generic,
    "aws": _aws,
    "gcp": _gcp,
}


def _keys(source: Bucket, secret: Mapping[str, str]) -> Keys:
    if not secret.get("accesskey") or not secret.get("secretkey"):
        raise InvalidError(f"{_named(source)} has no keys for a storage: it needs accesskey and secretkey")
    return Keys(secret["accesskey"].strip(), SecretStr(secret["secretkey"].strip()))


def _refuse_sts(provider: str, sts: BucketSts) -> None:
    """Refuse a service that is not the provider's, and what that service does not take."""
    allowed, secrets = STS.get(provider, ("", False))
    if sts.provider != allowed:
        use = f"use {allowed}" if allowed else "leave spec.sts out"
        raise InvalidError(f"spec.sts.provider {sts.provider!r} is not supported for spec.provider {provider}: {use}")
    if not urlsplit(sts.endpoint).scheme.startswith("http") or not urlsplit(sts.endpoint).hostname:
        raise InvalidError(f"spec.sts.endpoint {sts.endpoint!r} is no address: it begins with https:// or http://")
    for name, ref in (("secretRef", sts.secret_ref), ("certSecretRef", sts.cert_secret_ref)):
        if ref and not secrets:
            raise InvalidError(f"spec.sts.{name} is not for the provider {allowed}: leave it out")


async def _by_directory(cluster: Cluster, source: Bucket, sts: BucketSts) -> Keys:
    """Temporary keys for a user of a directory (`AssumeRoleWithLDAPIdentity`, which MinIO documents)."""
    user, password = "", ""
    if sts.secret_ref:
        secret = await cluster.get(SECRET, sts.secret_ref.name, source.namespace)
        user, password = texts(secret).get("username", ""), texts(secret).get("password", "")
        if not user or not password:
            raise InvalidError(f"{name_of(secret)} of spec.sts.secretRef needs username and password")
    certificates = await certificates_of(cluster, source.namespace, sts.cert_secret_ref)
    proxy = await proxy_of(cluster, source.namespace, source.spec.proxy_secret_ref)
    form = {
        "Action": "AssumeRoleWithLDAPIdentity",
        "Version": "2011-06-15",
        "LDAPUsername": user,
        "LDAPPassword": password,
    }
    host = urlsplit(sts.endpoint).hostname
    verify = verification("spec.sts.certSecretRef", certificates)
    try:
        async with httpx.AsyncClient(
            verify=verify, proxy=proxy.address_with_login if proxy else None, timeout=CALL, follow_redirects=False
        ) as http:
            answer = await asked(http, http.build_request("POST", sts.endpoint, data=form), _MOST, source.spec.timeout)
    except httpx.RequestError as error:
        raise TransientError(f"spec.sts.endpoint: {host} does not answer ({type(error).__name__})") from None
    if answer.status == 429 or answer.status >= 500:
        raise TransientError(f"spec.sts.endpoint: {host} answered {answer.status}")
    if answer.status != 200:
        raise TerminalError(f"spec.sts.endpoint: {host} answered {answer.status}: check spec.sts.secretRef")
    found = keys_in(answer.content.decode(errors="replace"))
    if found is None:
        raise TerminalError(f"spec.sts.endpoint: {host} gave no keys: is it a Security Token Service?")
    return found


async def _by_account(source: Bucket, text: str, caller: Caller) -> SecretStr:
    """The token of a service account, by the key that its JSON has (RFC 7523)."""
    try:
        account: dict[str, Any] = httpx.Response(200, text=text).json()
        url, now = account["token_uri"], int(time.time())
        said = {"iss": account["client_email"], "scope": READ, "aud": url, "iat": now, "exp": now + 3600}
        assertion = jwt.encode(said, account["private_key"], algorithm="RS256")
    except (ValueError, KeyError, TypeError, jwt.PyJWTError):
        raise InvalidError(f"{_named(source)} needs {ACCOUNT}, the JSON of a service account's key") from None
    answer = await caller.ask("POST", str(url), {}, data={"grant_type": JWT_BEARER, "assertion": assertion})
    token = fields(answer, caller).get("access_token")
    if not isinstance(token, str) or not token:
        raise caller.missing(f"{urlsplit(str(url)).hostname} gave no access_token for the service account")
    return SecretStr(token)


@asynccontextmanager
async def _caller(cluster: Cluster, source: Bucket) -> AsyncIterator[Caller]:
    """Asks a cloud's services, through the source's proxy where it has one."""
    proxy = await proxy_of(cluster, source.namespace, source.spec.proxy_secret_ref)
    way = Way(proxy=SecretStr(proxy.address_with_login)) if proxy else USUAL
    async with calling(Repository(registry=source.spec.endpoint, path=source.spec.bucket_name), way) as caller:
        yield caller


def _named(source: Bucket) -> str:
    return f"Secret {source.namespace}/{source.spec.secret_ref.name if source.spec.secret_ref else ''}"
