"""The kinds of sources, by `sourceRef.kind`. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from blocks.connections import Connections
from blocks.sources.base import Source
from blocks.sources.git import open_git
from sluice.errors import InvalidError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.references import SourceKey

SOURCES: Mapping[str, Callable[[Connections, SourceKey], Awaitable[Source]]] = {
    GitRepository.kind: open_git,
}


def refusal(kind: str) -> str:
    """Why there are no sources of this kind; empty where there are."""
    if kind in SOURCES:
        return ""
    return f"spec.sourceRef.kind {kind!r} is not supported yet; use one of: {', '.join(SOURCES)}"


async def source_for(wired: Connections, key: SourceKey) -> Source:
    """The source that a manifest refers to.

    Raises:
        InvalidError: sluice has no sources of this kind, or the source is not valid.
        NotFoundError: there is no such source, or its Secret is not there.
    """
    if why := refusal(key.kind):
        raise InvalidError(why)
    return await SOURCES[key.kind](wired, key)
