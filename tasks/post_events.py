"""Post events: hand what sluice itself found to Prefect, so that the automations start what is needed."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.connections import connections
from sluice.events.model import Event
from tasks.stage import stage


@stage("post events")
async def post_events(events: Sequence[Event]) -> int:
    """Post each event; returns how many. One that was posted before starts nothing again."""
    prefect = connections().need("prefect")
    for event in events:
        await prefect.post_event(event)
    return len(events)
