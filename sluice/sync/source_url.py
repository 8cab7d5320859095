"""Whether two URLs mean one source.

A forge's webhook, a GitRepository and the log of a git server write one address in different ways, and a forge reports a
push by its https address where the manifest has the ssh one.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SCP = re.compile(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?!//)(?P<path>.+)")
_PORTS = {"http": 80, "https": 443, "ssh": 22}
_SCHEMES = {"http", "https", "ssh"}
"""What one server may speak at once."""
_AZURE = "dev.azure.com"
_ALSO = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": _AZURE,
    "www.github.com": "github.com",
}
"""Other names of a forge's host: ssh through the port of https, for those behind firewalls."""


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
    """Whether both URLs mean one source.

    Names are compared without their case, as forges do: where a server does tell them apart, the worst is a look at a source
    that did not move. Between two schemes ports say nothing: a server listens for ssh and https at different ones.
    """
    (scheme, host, port, path), (other_scheme, other_host, other_port, other_path) = _place(one), _place(other)
    if (host, path) != (other_host, other_path):
        return False
    if scheme == other_scheme:
        return port == other_port
    return {scheme, other_scheme} <= _SCHEMES


def _place(url: str) -> tuple[str, str, str, str]:
    """Scheme, host, port and path, with the names by which a forge is reached through firewalls put right."""
    scheme, _, rest = normalise(url).partition("://")
    place, _, path = rest.partition("/")
    host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    host, port = (host, port) if colon else (place, "")
    path = path.lower()
    if host in _ALSO:
        host, port = _ALSO[host], ""
    if host == _AZURE:
        path = _azure(path)
    return scheme, host, port, path


def _azure(path: str) -> str:
    """Azure DevOps has another path for each scheme: `v3/org/project/repo` and `org/project/_git/repo`."""
    return path.removeprefix("v3/").replace("/_git/", "/")
