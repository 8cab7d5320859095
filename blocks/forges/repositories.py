"""How a forge's API names a repository that manifests, images and people name by its URL."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from sluice.errors import InvalidError
from sluice.sync.source_url import normalise


def on_github(url: str) -> str:
    """`owner/name` of a repository's URL.

    Raises:
        InvalidError: it is not the URL of one.
    """
    parts = urlsplit(normalise(url)).path.strip("/").split("/")
    if len(parts) != 2 or not all(parts):
        raise InvalidError(f"{urlsplit(normalise(url)).path!r} is not owner/name of a GitHub repository")
    return "/".join(quote(part, safe="") for part in parts)


def on_gitlab(url: str) -> str:
    """The path of a project as the API wants it: `group/subgroup/name`, with `%2F` for each slash.

    Raises:
        InvalidError: it is not the URL of one.
    """
    path = urlsplit(normalise(url)).path.strip("/")
    parts = path.split("/")
    if len(parts) < 2 or not all(parts):
        raise InvalidError(f"{urlsplit(normalise(url)).path!r} is not group/name of a GitLab project")
    return quote(path, safe="")
