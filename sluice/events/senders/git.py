"""Moved branches and tags, made of what forges say: references in sluice's form, and one event for each address."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from sluice.addresses import shown
from sluice.errors import InvalidError
from sluice.events.model import SourceChanged

BRANCHES, TAGS = "refs/heads/", "refs/tags/"
NOTHING = frozenset({"", "0" * 40, "0" * 64})
"""What a forge calls the commit of a reference that was deleted."""


def reference(ref: str) -> str:
    """`refs/heads/main` → `main`; a tag stays as it is; empty for what is neither (notes, pull requests)."""
    if ref.startswith(BRANCHES):
        return ref.removeprefix(BRANCHES)
    return ref if ref.startswith(TAGS) else ""


def moved(delivery: str, urls: Iterable[str], ref: str, commit: str = "") -> list[SourceChanged]:
    """The events of one reference: for each address that the forge says, where those are different places.

    A forge of one's own may serve ssh on another port or path than http, and a GitRepository names one of them.

    Args:
        delivery: what the forge calls it, unique for this reference.
        urls: addresses to clone from, the preferred one first.
        ref: in sluice's form.
        commit: that it names now, where the forge says so.

    Raises:
        InvalidError: an address is none.
    """
    places: dict[tuple[str, str], str] = {}
    for url in urls:
        places.setdefault(_place(url), url)
    return [
        SourceChanged(delivery=delivery if number == 0 else f"{delivery}/{url}", url=url, ref=ref, commit=commit)
        for number, url in enumerate(places.values())
    ]


def _place(url: str) -> tuple[str, str]:
    """Host and path without what a scheme adds: `git@host:a/b.git` and `https://host/a/b` are one place."""
    if "://" not in url:
        url = f"ssh://{url.replace(':', '/', 1)}"
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidError(f"{shown(url)[:80]!r} is no address of a repository ({error})") from error
    port = parts.netloc.rpartition("@")[2].lower().partition(":")[2]
    return f"{(parts.hostname or '').lower()}:{port}", parts.path.strip("/").removesuffix(".git").lower()
