"""How to get into a HelmRepository: what its Secrets say, for its server alone."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from blocks.charts.download import Access
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from blocks.tls import context_of
from sluice.addresses import without_login
from sluice.credentials import DOCKER_CONFIG, RegistryCredentials, name_of, registry_credentials, secret_text
from sluice.errors import InvalidError
from sluice.manifests.flux.helm.repository import HelmRepository
from sluice.manifests.references import LocalReference

Object = dict[str, Any]


async def http_access(cluster: Cluster, repository: HelmRepository) -> Access:
    """Login and trust for a repository with an index.

    Raises:
        NotFoundError: a Secret is not there.
        InvalidError: it has not what it must have.
    """
    spec = repository.spec
    url, login = without_login(spec.url)
    user, password = login or ("", "")
    secret = await _secret(cluster, repository, spec.secret_ref)
    if secret and (read(secret, "username") or read(secret, "password")):
        user, password = read(secret, "username"), read(secret, "password")
        if not user or not password:
            raise InvalidError(f"{name_of(secret)} needs both username and password")
    certificates = await _secret(cluster, repository, spec.cert_secret_ref) or secret
    trust = trusting(certificates) if certificates else None
    return Access(url, user, SecretStr(password), spec.pass_credentials, trust, spec.timeout)


async def registry_login(cluster: Cluster, repository: HelmRepository, path: str) -> RegistryCredentials | None:
    """The login for a repository in a registry; None where it names no Secret, or that has none for it.

    Raises:
        as `http_access`.
    """
    secret = await _secret(cluster, repository, repository.spec.secret_ref)
    if secret is None:
        return None
    if DOCKER_CONFIG in (secret.get("data") or {}):
        return registry_credentials(secret, registry_of(repository), path)
    user, password = read(secret, "username"), read(secret, "password")
    if not user or not password:
        raise InvalidError(f"{name_of(secret)} needs username and password, or {DOCKER_CONFIG}")
    return RegistryCredentials(username=user, password=SecretStr(password))


def registry_of(repository: HelmRepository) -> str:
    """Host and port of the registry."""
    return urlsplit(repository.address).netloc


def docker_config(registry: str, login: RegistryCredentials | None) -> str:
    """A docker config with one login, as the helm program reads it."""
    if login is None:
        return json.dumps({"auths": {}})
    pair = f"{login.username}:{login.password.get_secret_value()}"
    return json.dumps({"auths": {registry: {"auth": base64.b64encode(pair.encode()).decode()}}})


def trusting(secret: Object) -> ssl.SSLContext | None:
    """Trust in the authority that a Secret names, and a certificate of our own where it has one."""
    authority, certificate, key = (read(secret, name) for name in ("ca.crt", "tls.crt", "tls.key"))
    if not authority and not certificate:
        return None
    return context_of(name_of(secret), authority, certificate, key, alone=True)


def read(secret: Mapping[str, Any], key: str) -> str:
    """What a Secret has under a key; empty where it has nothing."""
    return secret_text(secret, key).get_secret_value()


async def _secret(cluster: Cluster, repository: HelmRepository, named: LocalReference | None) -> Object | None:
    return await cluster.get(SECRET, named.name, repository.namespace) if named else None
