"""Known: the followers of sources that a delivery finds by the watches that this process has, without a list of them.

A watch may be behind, and no delivery may be lost by that. So it is believed in one case only: the source was found at
another revision by this very delivery. Then all that follow the source are due, whatever the watch has of their status, and
each is read before it is synced. Who is not there yet, or was changed since, has an event of its own from the watcher of
sources, for its generation is new to it; of such an event the source has not moved, and the API server is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from blocks.connections import connections
from blocks.kubernetes.cluster import Kind
from sluice.manifests.references import SourceKey
from tasks.sync.fetch_source import Fetched


async def followers(kind: Kind, sources: Mapping[SourceKey, Fetched], asked: Collection[str]) -> list[dict[str, Any]]:
    """All objects of a kind of followers. Not to be changed.

    Args:
        kind: of the followers.
        sources: that a delivery has fetched.
        asked: names of those that are asked for by name.
    """
    wired = connections()
    if not asked and sources and all(one.moved for one in sources.values()):
        return await wired.informers.given(kind)
    return await wired.informers.listed(kind)
