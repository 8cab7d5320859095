"""Addresses and the secrets in them: what may be shown of a URL, and what is a login.

The user part of an http(s) address is a secret, with a password or without: `https://TOKEN@host/` is how people write an
access token. Every message that names an address goes through `shown`, and what another program says through `cleaned`.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit, urlunsplit

_USER = re.compile(
    r"""(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)
        (?: (?P<user>[^/?\#\s]*)@              # as RFC 3986 has it
          | [^/?\#\s:@\[]*:(?!\d+(?:[/?\#]|$))[^\s@]*@  # a password with a slash in it, which is no port
        )""",
    re.VERBOSE,
)


def cleaned(text: str) -> str:
    """A text without the user part of any address in it; of an address that is not http(s) the user's name may stay."""
    return _USER.sub(_kept, text)


def shown(address: str) -> str:
    """An address as messages, logs and other systems may have it: without user part and without the values of a query."""
    bare, mark, _ = cleaned(address).partition("?")
    return f"{bare}{mark and '?…'}"


def without_login(address: str) -> tuple[str, tuple[str, str] | None]:
    """An http(s) address without its user part, and the user and password in that; None where there is none.

    Other addresses are given back with the user's name in them: `git@` is part of an ssh address.
    """
    try:
        parts = urlsplit(address)
        user, password = parts.username, parts.password
    except ValueError:
        return cleaned(address), None
    if user is None and password is None:
        return address, None
    if parts.scheme.lower() not in {"http", "https"}:
        return cleaned(address), None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, (unquote(user or ""), unquote(password or ""))


def is_loopback(host: str) -> bool:
    """Whether what listens there is reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def reached_at(host: str) -> str:
    """How this machine writes the host of an address that something listens on: `0.0.0.0` is everywhere, and no address."""
    plain = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{plain}]" if ":" in plain else plain


def _kept(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    if user is None or scheme.lower() in {"http://", "https://"}:
        return scheme
    name = user.partition(":")[0]
    return f"{scheme}{name}@" if name else scheme
