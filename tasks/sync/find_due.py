"""Due: what a source at a new commit calls for, of every kind that follows sources."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tasks.stage import stage
from tasks.sync.fetch_source import Fetched
from tasks.sync.followers.base import Due
from tasks.sync.followers.table import FOLLOWERS


@stage("find due syncs")
async def find_due(sources: list[Fetched], reapply: Sequence[str] = ()) -> list[Due]:
    """What follows these sources and is to be synced now, and is not suspended.

    Args:
        sources: at their newest commits; what has not been synced to them is due.
        reapply: `namespace/name` of Kustomizations, `Kind/namespace/name` of others, that are due though they were.
    """
    by_key = {source.key: source for source in sources}
    found = await asyncio.gather(*(follower.due(by_key, frozenset(reapply)) for follower in FOLLOWERS.values()))
    return [due for of_a_kind in found for due in of_a_kind]
