"""What a Kubernetes Secret says about how to log in to a git server or a registry.

The forms are those that Flux's users have: `username`/`password`, `bearerToken` or an ssh `identity` for git;
`.dockerconfigjson` for registries. Passwords are never shown by `repr`, and an error names the key, not the value.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

from sluice.errors import InvalidError

DOCKER_CONFIG = ".dockerconfigjson"


class GitCredentials(BaseModel):
    """How to log in to a git server: by name and password, by token, or by ssh key."""

    model_config = ConfigDict(frozen=True)
    username: str = ""
    password: SecretStr = SecretStr("")
    bearer_token: SecretStr = SecretStr("")
    identity: SecretStr = SecretStr("")
    """A private ssh key."""
    known_hosts: str = ""
    """The ssh server's keys; without them the server is not trusted."""


class RegistryCredentials(BaseModel):
    """How to log in to a registry."""

    model_config = ConfigDict(frozen=True)
    username: str
    password: SecretStr


def git_credentials(secret: Mapping[str, Any]) -> GitCredentials:
    """The credentials in a Secret of a GitRepository.

    Raises:
        InvalidError: none of the known forms, or not base64.
    """
    data = {key: _decoded(secret, key) for key in secret.get("data") or {}}
    if "identity" in data:
        if not data.get("known_hosts"):
            raise InvalidError(f"{_name(secret)} has an ssh identity but no known_hosts to trust the server by")
        return GitCredentials(identity=SecretStr(data["identity"]), known_hosts=data["known_hosts"])
    if data.get("bearerToken"):
        return GitCredentials(bearer_token=SecretStr(data["bearerToken"]))
    if "username" in data and "password" in data:
        return GitCredentials(username=data["username"], password=SecretStr(data["password"]))
    raise InvalidError(
        f"{_name(secret)} has no git credentials: it needs username and password, bearerToken, or identity"
    )


def registry_credentials(secret: Mapping[str, Any], registry: str) -> RegistryCredentials | None:
    """The credentials for one registry in a Secret of type `kubernetes.io/dockerconfigjson`; None where it has none.

    Raises:
        InvalidError: the Secret is not of that form.
    """
    try:
        entries = json.loads(_decoded(secret, DOCKER_CONFIG))["auths"]
        for server, entry in entries.items():
            if _host(server) != registry:
                continue
            if entry.get("auth"):
                user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            else:
                user, password = entry["username"], entry["password"]
            if not isinstance(password, str):
                raise TypeError
            return RegistryCredentials(username=user, password=SecretStr(password))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not chained: the cause's message would show part of the secret.
        raise InvalidError(f"{_name(secret)} is not a docker config: its {DOCKER_CONFIG} cannot be read") from None
    return None


def secret_text(secret: Mapping[str, Any], key: str) -> SecretStr:
    """One text of a Secret; empty where it has none.

    Raises:
        InvalidError: it is not base64 of a text.
    """
    there = key in (secret.get("data") or {})
    return SecretStr(_decoded(secret, key) if there else "")


def _host(server: str) -> str:
    host = server.partition("://")[2] or server
    host = host.partition("/")[0].lower()
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host


def _decoded(secret: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {})[key], validate=True).decode()
    except (KeyError, ValueError, binascii.Error):
        raise InvalidError(f"{_name(secret)}: its {key} is missing or not base64 of a text") from None


def _name(secret: Mapping[str, Any]) -> str:
    meta = secret.get("metadata") or {}
    return f"Secret {meta.get('namespace', 'default')}/{meta.get('name', '?')}"
