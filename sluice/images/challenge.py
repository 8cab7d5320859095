"""What a registry wants before it answers, and where a login may go for it.

A registry that refuses says in `WWW-Authenticate` which server gives tokens for it (distribution specification, "Token
Authentication"). What answers for a registry could name any server there, so a password goes to the registry's own host,
to the one that is known to belong to it, or to one that the Secret names, and never from https to http.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from sluice.addresses import is_loopback, shown
from sluice.credentials import TOKEN_SERVERS
from sluice.errors import TerminalError

_PARTS = re.compile(
    r"""[\s,]*(?:
        (?P<key>[A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]*))
      | (?P<scheme>[A-Za-z0-9!#$%&'*+.^_`|~-]+)
    )""",
    re.VERBOSE,
)
KNOWN: Mapping[str, str] = {
    "docker.io": "auth.docker.io",
    "registry-1.docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
    "registry.digitalocean.com": "api.digitalocean.com",
    "registry.redhat.io": "sso.redhat.com",
    "quay.io": "quay.io",
}
"""Public registries whose tokens are given by another host, as their providers document it."""
_LIKE = (
    (re.compile(r"rg\.[a-z0-9-]+\.scw\.cloud"), re.compile(r"api\.scaleway\.com")),
    (
        re.compile(r"registry(?:-intl)?\.[a-z0-9-]+\.aliyuncs\.com"),
        re.compile(r"dockerauth\.[a-z0-9-]+\.aliyuncs\.com"),
    ),
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in that a registry offers.

    Attributes:
        scheme: `basic` or `bearer`, or one that nobody here knows.
        parameters: what came with it: `realm`, `service`, `scope`.
    """

    scheme: str
    parameters: Mapping[str, str]


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """The ways in that the `WWW-Authenticate` headers of one answer offer, in their order."""
    found: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        for part in _PARTS.finditer(header):
            if part["scheme"]:
                found.append((part["scheme"].lower(), {}))
            elif found:
                value = part["bare"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
                found[-1][1].setdefault(part["key"].lower(), value)
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def token_server(registry: str, base: str, realm: str, *, login: bool, trusted: Collection[str] = ()) -> str:
    """Where a token is to be asked for.

    Args:
        registry: as the image's name has it.
        base: address that the registry was asked at.
        realm: of its challenge.
        login: whether a login goes along.
        trusted: other hosts that may be shown that login.

    Raises:
        TerminalError: nothing may be asked there; the message says what to do where it should.
    """
    try:
        address = urljoin(base, realm)
        there, here = urlsplit(address), urlsplit(base)
        named = _host(there)
    except ValueError:
        raise TerminalError(f"registry {registry} names {shown(realm)!r} as its token server: no address") from None
    said = f"registry {registry} names {shown(address)!r} as its token server"
    if there.scheme not in ("http", "https") or not there.hostname:
        raise TerminalError(f"{said}: that is no http address")
    if there.username is not None or there.password is not None:
        raise TerminalError(f"{said}, with a login in it")
    if there.scheme == "http" and here.scheme == "https":
        raise TerminalError(f"{said}: no login goes from https to http; set https in the registry's configuration")
    own = there.hostname == here.hostname or (is_loopback(there.hostname) and is_loopback(here.hostname or ""))
    if own or {named, there.hostname} & set(trusted) or _known(registry, there.hostname):
        return address
    if login:
        raise TerminalError(
            f"{said}, which is another host: where it may know the login, name it in the Secret's annotation "
            f"{TOKEN_SERVERS}: {named}"
        )
    if there.scheme == "http":
        raise TerminalError(f"{said}: another host is asked by https only")
    return address


def _host(address: SplitResult) -> str:
    usual = {"http": 80, "https": 443}.get(address.scheme)
    host = address.hostname or ""
    return host if address.port in (None, usual) else f"{host}:{address.port}"


def _known(registry: str, host: str) -> bool:
    if KNOWN.get(registry) == host:
        return True
    return any(of.fullmatch(registry) and token.fullmatch(host) for of, token in _LIKE)
