"""How to get into a HelmRepository: what its Secrets say, for its server alone."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from blocks.charts.download import Access
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from sluice.addresses import without_login
from sluice.credentials import DOCKER_CONFIG, RegistryCredentials, registry_credentials
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
            raise InvalidError(f"{_name(secret)} needs both username and password")
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
        raise InvalidError(f"{_name(secret)} needs username and password, or {DOCKER_CONFIG}")
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
    authority = read(secret, "ca.crt")
    certificate, key = read(secret, "tls.crt"), read(secret, "tls.key")
    if not authority and not certificate:
        return None
    try:
        context = ssl.create_default_context(cadata=authority or None)
        if certificate:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "both.pem"
                place.touch(mode=0o600)
                place.write_text(f"{certificate}\n{key}")
                context.load_cert_chain(place)
    except (ssl.SSLError, ValueError, OSError):
        raise InvalidError(f"{_name(secret)}: its ca.crt, tls.crt or tls.key is no certificate or key") from None
    return context


def read(secret: Mapping[str, Any], key: str) -> str:
    """What a Secret has under a key; empty where it has nothing."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key, ""), validate=True).decode()
    except ValueError:
        raise InvalidError(f"{_name(secret)}: its {key} is not base64 of a text") from None


async def _secret(cluster: Cluster, repository: HelmRepository, named: LocalReference | None) -> Object | None:
    return await cluster.get(SECRET, named.name, repository.namespace) if named else None


def _name(secret: Mapping[str, Any]) -> str:
    meta = secret.get("metadata") or {}
    return f"Secret {meta.get('namespace', 'default')}/{meta.get('name', '?')}"
