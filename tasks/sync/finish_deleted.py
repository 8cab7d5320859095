"""Finish what was deleted: followers of a source that are kept by a finalizer until what they did is undone."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.sync.followers.base import named
from tasks.sync.followers.table import FOLLOWERS


async def finish_deleted(names: Sequence[str]) -> list[str]:
    """Let each of these go that was deleted, after undoing what its manifest wants undone; what was done, in sentences.

    Args:
        names: `namespace/name` of Kustomizations, `Kind/namespace/name` of others; most are not deleted.

    Raises:
        TerminalError, TransientError: one could not be let go of; it stays, and the others had their turn.
    """
    lines: list[str] = []
    failure: Exception | None = None
    for follower in FOLLOWERS.values():
        for namespace, name in await follower.leaving(frozenset(names)):
            try:
                done = await follower.leave(namespace, name)
            except Exception as error:
                failure = error
                continue
            lines.append(f"{named(follower.kind, namespace, name)} is gone: {done.summary}")
    if failure:
        raise failure
    return lines
