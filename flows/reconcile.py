"""reconcile: every minute, find what was missed or left lying, and start it once."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from flows.outcome import ended
from tasks.find_orphans import find_orphans
from tasks.post_events import post_events


@flow(name="reconcile", persist_result=False)
async def reconcile() -> State[str]:
    """Start a rollout for each Canary that needs one and has none."""
    orphans = await find_orphans()
    if not orphans:
        return ended("nothing to do")
    await post_events(orphans)
    return ended("started again", ", ".join(f"{event.namespace}/{event.canary}" for event in orphans))
