"""The way to another cluster, by a kubeconfig that somebody put into a Secret.

It comes from people who may not have our rights. What would read our files or run a program of ours is refused by its field:
exec and auth-provider plugins, and every path of a file.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml
from kubernetes.aio import client

from blocks.kubernetes.api_server import ApiServer
from blocks.kubernetes.logins.base import Login
from blocks.kubernetes.logins.certificates import Certificates
from blocks.kubernetes.logins.given import Given
from sluice.addresses import shown
from sluice.errors import InvalidError

SIZE = 1024 * 1024
"""Most bytes of a kubeconfig; a Secret holds no more."""
CONNECTIONS = 32
_FILES = {
    "clusters": {"certificate-authority": "certificate-authority-data"},
    "users": {
        "client-certificate": "client-certificate-data",
        "client-key": "client-key-data",
        "tokenFile": "token",
    },
}
"""What names a file of the machine, and what to write in its place."""
_PLUGINS = ("exec", "auth-provider")
_STANDS_IN = ("as", "as-uid", "as-groups", "as-user-extra")


@dataclass(frozen=True, slots=True)
class Way:
    """What it takes to get into a cluster.

    Attributes:
        server: its address.
        authority: PEM of who vouches for it; empty for those that the machine trusts.
        server_name: that its certificate is for; empty for its host.
        header: the Authorization header; empty where a certificate says who we are.
        certificate: PEM of the client's certificate and key.
    """

    server: str
    authority: str = ""
    server_name: str = ""
    header: str = ""
    certificate: tuple[str, str] | None = None

    def connect(self, name: str, login: Login | None = None) -> ApiServer:
        """Its API server; nothing is asked yet.

        Args:
            name: what messages call it.
            login: in place of what the kubeconfig says.

        Raises:
            InvalidError: a certificate cannot be read.
        """
        configuration = client.Configuration()
        configuration.host = self.server.rstrip("/")
        configuration.connection_pool_maxsize = CONNECTIONS
        configuration.ca_cert_data = self.authority or None
        configuration.tls_server_name = self.server_name or None
        # The environment's proxy is for us; a kubeconfig names its own.
        try:
            api = client.ApiClient(configuration)
            if self.certificate:
                Certificates(api).use(*self.certificate)
        except (OSError, ValueError) as error:
            raise InvalidError(f"{name}: a certificate or key cannot be read: {type(error).__name__}") from None
        return ApiServer(api, name, login or Given(self.header, name.removeprefix("of ")))


def way_of(text: str, where: str) -> Way:
    """The way that a kubeconfig's current context is.

    Args:
        text: the kubeconfig.
        where: what messages call it; nothing of its content is in them.

    Raises:
        InvalidError: it is none, or it names a plugin or a file; the message says what to write.
    """
    document = _document(text, where)
    context = _named(document, "contexts", str(document.get("current-context") or ""), "context", where)
    cluster = _named(document, "clusters", str(context.get("cluster") or ""), "cluster", where)
    user = _named(document, "users", str(context.get("user")), "user", where) if context.get("user") else {}
    for section, entry in (("clusters", cluster), ("users", user)):
        for field, instead in _FILES[section].items():
            if entry.get(field):
                _refuse(where, f"{section}[].{field} names a file of the machine: write its content as {instead}")
    for field in _PLUGINS:
        if user.get(field):
            _refuse(where, f"users[].user.{field} would run a program here: use a token or a client certificate")
    for field in _STANDS_IN:
        if user.get(field):
            _refuse(where, f"users[].user.{field} is not supported: use spec.serviceAccountName")
    if cluster.get("insecure-skip-tls-verify"):
        _refuse(where, "insecure-skip-tls-verify is refused: write certificate-authority-data")
    if cluster.get("proxy-url"):
        _refuse(where, "clusters[].cluster.proxy-url is not supported yet")
    server = str(cluster.get("server") or "")
    if not server.startswith("https://") or "@" in server:
        _refuse(where, f"clusters[].cluster.server is https://host[:port], without a login; it says {shown(server)!r}")
    return Way(
        server,
        _decoded(cluster, "certificate-authority-data", where),
        str(cluster.get("tls-server-name") or ""),
        _header(user),
        _pair(user, where),
    )


def _document(text: str, where: str) -> dict[str, Any]:
    if len(text) > SIZE:
        _refuse(where, f"it has more than {SIZE // 1024} KiB")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        # What the reader says quotes the text.
        raise InvalidError(f"{where}: the kubeconfig is not YAML") from None
    if not isinstance(document, dict):
        _refuse(where, "it is no mapping of fields")
    return document


def _named(document: dict[str, Any], section: str, name: str, key: str, where: str) -> Mapping[str, Any]:
    entries = document.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(key), dict):
            found: Mapping[str, Any] = entry[key]
            return found
    raise InvalidError(f"{where}: it has no {key} {name!r} in {section}: set current-context, and what it names")


def _header(user: Mapping[str, Any]) -> str:
    if token := str(user.get("token") or "").strip():
        return f"Bearer {token}"
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return ""


def _pair(user: Mapping[str, Any], where: str) -> tuple[str, str] | None:
    certificate, key = (_decoded(user, f"client-{part}-data", where) for part in ("certificate", "key"))
    return (certificate, key) if certificate and key else None


def _decoded(entry: Mapping[str, Any], field: str, where: str) -> str:
    try:
        return base64.b64decode("".join(str(entry.get(field) or "").split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidError(f"{where}: {field} of the kubeconfig is no base64 of PEM") from None


def _refuse(where: str, why: str) -> NoReturn:
    raise InvalidError(f"{where}: {why}")
