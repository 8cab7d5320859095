"""Post events: hand what sluice itself found to Prefect, so that the automations start what is needed."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.connections import connections
from sluice.events.model import Event
from tasks.stage import stage


@stage("post events")
async def post_events(events: Sequence[Event]) -> list[Event]:
    """Post each event; returns those that were new. One that was posted before starts nothing again."""
    prefect = connections().prefect
    return [event for event in events if await prefect.post([event])]
