"""How to get into a HelmRepository: what its Secrets say, for its server alone."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from blocks.charts.download import Access
from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from blocks.registries.base import USUAL, Way
from blocks.tls import context_of
from sluice.addresses import without_login
from sluice.credentials import DOCKER_CONFIG, RegistryCredentials, name_of, registry_credentials, secret_text
from sluice.errors import InvalidError
from sluice.images.reference import Repository
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


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """How to get into a registry of charts.

    Attributes:
        login: None for nobody's.
        way: how connections are made.
    """

    login: RegistryCredentials | None = None
    way: Way = USUAL


async def registry_access(wired: Connections, repository: HelmRepository, image: Repository) -> RegistryAccess:
    """Login and trust for a repository in a registry: by its Secrets; without a login there by who sluice is to its cloud.

    Raises:
        as `http_access`, and what a cloud answers.
    """
    spec = repository.spec
    secret = await _secret(wired.cluster, repository, spec.secret_ref)
    certificates = await _secret(wired.cluster, repository, spec.cert_secret_ref) or secret
    way = _way(certificates) if certificates else USUAL
    login = registry_login(secret, image) if secret else await wired.registry.login(spec.provider, image, way)
    return RegistryAccess(login, way)


def registry_login(secret: Object, image: Repository) -> RegistryCredentials | None:
    """The login that a Secret has for a repository in a registry; None where it has none for it.

    Raises:
        InvalidError: it has not what it must have.
    """
    if DOCKER_CONFIG in (secret.get("data") or {}):
        return registry_credentials(secret, image.registry, image.path)
    user, password = read(secret, "username"), read(secret, "password")
    if not user or not password:
        raise InvalidError(f"{name_of(secret)} needs username and password, or {DOCKER_CONFIG}")
    return RegistryCredentials(username=user, password=SecretStr(password))


def _way(secret: Object) -> Way:
    authority, certificate, key = (read(secret, name) for name in ("ca.crt", "tls.crt", "tls.key"))
    if not authority and not certificate:
        return USUAL
    return Way(authority, certificate, SecretStr(key) if key else None)


def registry_of(repository: HelmRepository) -> str:
    """Host and port of the registry."""
    return urlsplit(repository.address).netloc


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
