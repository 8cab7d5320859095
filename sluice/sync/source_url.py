"""Whether two URLs mean one git repository.

A forge's webhook, a GitRepository and the log of a git server write the same address in different ways.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SCP = re.compile(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?!//)(?P<path>.+)")
_PORTS = {"http": 80, "https": 443, "ssh": 22}


def normalise(url: str) -> str:
    """One form for all ways to write an address.

    Scheme and host in lower case, no user, no default port, no trailing `/` or `.git`; `git@host:path` is ssh. The path
    keeps its case: on most servers it matters.
    """
    text = url.strip()
    short = _SCP.fullmatch(text)
    if short and "://" not in text:
        text = f"ssh://{short['host']}/{short['path']}"
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    try:
        port = parts.port
    except ValueError:
        return text
    if port and port != _PORTS.get(scheme):
        host = f"{host}:{port}"
    path = re.sub(r"/+", "/", parts.path).rstrip("/").removesuffix(".git").rstrip("/")
    return f"{scheme}://{host}{path}"


def same_source(one: str, other: str) -> bool:
    """Whether both URLs mean one repository."""
    return normalise(one) == normalise(other)
