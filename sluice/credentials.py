"""What a Kubernetes Secret says about how to log in to a git server or a registry.

The forms are those that Flux's users have: `username`/`password`, `bearerToken` or an ssh `identity` for git;
`.dockerconfigjson` for registries. Passwords are never shown by `repr`, and an error names the key, not the value.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, SecretStr

from sluice.addresses import without_login
from sluice.errors import InvalidError

DOCKER_CONFIG, OLD_DOCKER_CONFIG = ".dockerconfigjson", ".dockercfg"
TOKEN_SERVERS = "sluice.dev/token-servers"  # noqa: S105 - the name of an annotation
"""Annotation of a Secret: hosts, with commas between, that may be shown its registry login besides the registry itself."""


class Proxy(BaseModel):
    """What stands between us and a server, and how to get through it."""

    model_config = ConfigDict(frozen=True)
    address: str
    username: str = ""
    password: SecretStr = SecretStr("")

    @property
    def address_with_login(self) -> str:
        """The address with its login in it, for a program: never for a message."""
        if not self.username:
            return self.address
        scheme, _, rest = self.address.partition("://")
        return f"{scheme}://{quote(self.username, safe='')}:{quote(self.password.get_secret_value(), safe='')}@{rest}"


class GitCredentials(BaseModel):
    """How to log in to a git server, by name and password, token, ssh key or certificate, and how to get there."""

    model_config = ConfigDict(frozen=True)
    username: str = ""
    password: SecretStr = SecretStr("")
    bearer_token: SecretStr = SecretStr("")
    identity: SecretStr = SecretStr("")
    """A private ssh key."""
    known_hosts: str = ""
    """The ssh server's keys; without them the server is not trusted."""
    authority: str = ""
    """Certificates (PEM) of those who may vouch for an https server, instead of those that everybody trusts."""
    certificate: str = ""
    """Our own certificate (PEM) for an https server."""
    client_key: SecretStr = SecretStr("")
    """The key of that certificate."""
    proxy: Proxy | None = None

    def only_proxy(self) -> GitCredentials:
        """The way to a server that the login is not for."""
        return GitCredentials(proxy=self.proxy)


class RegistryCredentials(BaseModel):
    """How to log in to a registry: by name and password, or by one of the tokens that `docker login` keeps instead."""

    model_config = ConfigDict(frozen=True)
    username: str = ""
    password: SecretStr = SecretStr("")
    identity_token: SecretStr = SecretStr("")
    """An OAuth2 refresh token: it is exchanged for an access token where the registry's challenge says."""
    registry_token: SecretStr = SecretStr("")
    """A bearer token that the registry takes as it is."""
    token_servers: tuple[str, ...] = ()
    """Hosts apart from the registry's own that may be shown this login, as its Secret says."""


def git_credentials(secret: Mapping[str, Any]) -> GitCredentials:
    """The credentials in a Secret of a GitRepository.

    Raises:
        InvalidError: none of the known forms, or not base64.
    """
    data = texts(secret)
    if "identity" in data:
        if not data.get("known_hosts"):
            raise InvalidError(f"{name_of(secret)} has an ssh identity but no known_hosts to trust the server by")
        return GitCredentials(
            identity=SecretStr(data["identity"]),
            known_hosts=data["known_hosts"],
            password=SecretStr(data.get("password", "")),
        )
    made = GitCredentials(**_certificates(secret, data))
    if data.get("bearerToken"):
        return made.model_copy(update={"bearer_token": SecretStr(data["bearerToken"])})
    if "username" in data and "password" in data:
        return made.model_copy(update={"username": data["username"], "password": SecretStr(data["password"])})
    if made != GitCredentials():
        return made
    raise InvalidError(
        f"{name_of(secret)} has no git credentials: it needs username and password, bearerToken, or identity; "
        "and for https it may have ca.crt, or tls.crt and tls.key"
    )


def proxy(secret: Mapping[str, Any]) -> Proxy:
    """The proxy in a Secret that a `proxySecretRef` names: `address`, and `username` and `password` where it asks for them.

    Raises:
        InvalidError: it has no address, or is not base64.
    """
    data = texts(secret)
    address = data.get("address", "").strip()
    bare, login = without_login(address)
    if "://" not in bare:
        raise InvalidError(
            f"{name_of(secret)} has no proxy: its address must be a URL, such as http://proxy.example:3128"
        )
    user, password = login or ("", "")
    return Proxy(
        address=bare,
        username=data.get("username", user),
        password=SecretStr(data.get("password", password)),
    )


def certificates(secret: Mapping[str, Any]) -> GitCredentials:
    """The certificates in a Secret that a `certSecretRef` names: `ca.crt`, or `tls.crt` and `tls.key`, or all.

    Raises:
        InvalidError: it has none of them, or half a pair, or is not base64.
    """
    data = texts(secret)
    found = _certificates(secret, data)
    if not found:
        raise InvalidError(f"{name_of(secret)} has no certificates: it needs ca.crt, or tls.crt and tls.key")
    return GitCredentials(**found)


def texts(secret: Mapping[str, Any]) -> dict[str, str]:
    """What a Secret has.

    Raises:
        InvalidError: something in it is no text.
    """
    return {key: _decoded(secret, key) for key in secret.get("data") or {}}


def _certificates(secret: Mapping[str, Any], data: Mapping[str, str]) -> dict[str, Any]:
    """Flux's older names count too: `caFile`, `certFile` and `keyFile`."""
    authority = data.get("ca.crt") or data.get("caFile", "")
    certificate = data.get("tls.crt") or data.get("certFile", "")
    key = data.get("tls.key") or data.get("keyFile", "")
    if bool(certificate) != bool(key):
        raise InvalidError(f"{name_of(secret)} has one of tls.crt and tls.key: it needs both")
    pair = {"certificate": certificate, "client_key": SecretStr(key)} if certificate else {}
    return pair | ({"authority": authority} if authority else {})


def registry_credentials(secret: Mapping[str, Any], registry: str, path: str = "") -> RegistryCredentials | None:
    """The credentials for one repository in a Secret with a docker config; None where it has none.

    As Kubernetes reads it: an entry may name a path (`ghcr.io/team`), which for what lies under it goes before the host's
    own entry, and `*` stands for one part of a host's name.

    Args:
        secret: of type `kubernetes.io/dockerconfigjson`, or of the older `kubernetes.io/dockercfg`.
        registry: host and port.
        path: of the repository.

    Raises:
        InvalidError: the Secret is not of that form.
    """
    key = OLD_DOCKER_CONFIG if OLD_DOCKER_CONFIG in (secret.get("data") or {}) else DOCKER_CONFIG
    try:
        content = json.loads(_decoded(secret, key))
        entries: Mapping[str, Any] = content if key == OLD_DOCKER_CONFIG else content["auths"]
        places = [(*_place(server), entry) for server, entry in entries.items()]
        fitting = [one for one in places if _same_host(one[0], registry) and _under(path, one[1])]
        if not fitting:
            return None
        _, _, chosen = max(fitting, key=lambda one: (len(one[1]), "*" not in one[0]))
        login = _login(chosen)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not chained: the cause's message would show part of the secret.
        raise InvalidError(f"{name_of(secret)} is not a docker config: its {key} cannot be read") from None
    named = ((secret.get("metadata") or {}).get("annotations") or {}).get(TOKEN_SERVERS, "")
    # The Secret says of each host with the same entry that it may know this login.
    trusted = {host for host, _, entry in places if entry == chosen and "*" not in host} | set(
        filter(None, (one.strip().lower() for one in named.split(",")))
    )
    return login.model_copy(update={"token_servers": tuple(sorted(trusted - {registry}))})


def secret_text(secret: Mapping[str, Any], key: str) -> SecretStr:
    """One text of a Secret; empty where it has none.

    Raises:
        InvalidError: it is not base64 of a text.
    """
    there = key in (secret.get("data") or {})
    return SecretStr(_decoded(secret, key) if there else "")


def _login(entry: Mapping[str, Any]) -> RegistryCredentials:
    user, password = "", ""
    if entry.get("auth"):
        # docker fills the field with NUL bytes where it is shorter than what it was
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    elif not entry.get("registrytoken"):
        user, password = entry["username"], entry["password"]
    tokens = {"identity_token": entry.get("identitytoken") or "", "registry_token": entry.get("registrytoken") or ""}
    secrets = {name: SecretStr(value) for name, value in (tokens | {"password": password.strip("\0")}).items()}
    if not isinstance(user, str) or not all(isinstance(one.get_secret_value(), str) for one in secrets.values()):
        raise TypeError
    return RegistryCredentials(username=user, **secrets)


def _place(server: str) -> tuple[str, str]:
    """Host and path of an entry's name, however docker wrote it: `https://index.docker.io/v1/` is all of `docker.io`."""
    bare = server.partition("://")[2] or server
    host, _, path = bare.partition("/")
    first, _, rest = path.partition("/")
    path = (rest if first in ("v1", "v2") else path).strip("/")
    host = host.lower()
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host, path


def _same_host(pattern: str, registry: str) -> bool:
    """Whether an entry is for a registry: `*.example.com` is for `a.example.com`, and not for `a.b.example.com`."""
    (host, _, port), (wanted, _, its_port) = pattern.partition(":"), registry.partition(":")
    if "*" not in host:
        return pattern == registry
    parts, its_parts = host.split("."), wanted.split(".")
    return port == its_port and len(parts) == len(its_parts) and all(map(fnmatchcase, its_parts, parts))


def _under(path: str, folder: str) -> bool:
    return not folder or f"{path}/".startswith(f"{folder}/")


def _decoded(secret: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {})[key], validate=True).decode()
    except (KeyError, ValueError, binascii.Error):
        raise InvalidError(f"{name_of(secret)}: its {key} is missing or not base64 of a text") from None


def name_of(secret: Mapping[str, Any]) -> str:
    """What messages call a Secret."""
    meta = secret.get("metadata") or {}
    return f"Secret {meta.get('namespace', 'default')}/{meta.get('name', '?')}"
