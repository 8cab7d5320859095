"""reconcile: every minute, and when a worker starts, find what was missed or left lying, and start it once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from prefect import flow
from prefect.client.schemas.objects import State

from flows.outcome import ended
from sluice.events.model import (
    AutomationDue,
    Event,
    FlagRolloutChanged,
    ImagePushed,
    SourceChanged,
    TargetChanged,
    TrainDue,
)
from tasks.flags.find_due import find_due_flags
from tasks.helm.finding.find_due_releases import find_due_releases
from tasks.helm.finding.find_moved_repositories import find_moved_repositories
from tasks.images.writing.find_git_behind import find_git_behind
from tasks.images.writing.keep_out import find_rolled_back
from tasks.marks.find_unmarked import mark_missed, unmarked
from tasks.sync.find_moved_sources import find_moved_sources
from tasks.trains.find_due import find_due_trains
from tasks.upkeep.find_orphans import find_orphans
from tasks.upkeep.find_unanswered import find_unanswered
from tasks.upkeep.forget_idle_runs import IDLE, forget_idle_runs, idle_runs_are_due
from tasks.upkeep.last_look import last_look, looked
from tasks.upkeep.post_events import post_events

LOOK_BACK = 900.0
"""Seconds that events are looked through for those that started nothing."""


@flow(name="reconcile", flow_run_name="reconcile", persist_result=False)
async def reconcile(look_back_s: float = LOOK_BACK) -> State[str]:
    """Start what is needed and is not there: rollouts that nobody carries, deliveries and syncs that no event came for.

    What one of the looks cannot see does not keep the others from seeing theirs.

    Args:
        look_back_s: seconds that accepted events are looked through for those that started nothing.
    """
    before = await last_look()
    asked: list[Awaitable[Sequence[Event]]] = [
        find_orphans(),
        find_rolled_back(),
        find_git_behind(before.since),
        find_moved_sources(before.since),
        find_moved_repositories(before.since),
        find_due_releases(),
        find_due_flags(),
        find_due_trains(),
    ]
    looks = await asyncio.gather(*asked, return_exceptions=True)
    found: list[Event] = [event for look in looks if not isinstance(look, BaseException) for event in look]
    news = await post_events(found) if found else []
    if not any(isinstance(look, BaseException) for look in looks):
        await looked(before)
    started = await find_unanswered(look_back_s)
    if waiting := await unmarked():
        await asyncio.gather(mark_missed(waiting), return_exceptions=True)
    if idle_runs_are_due():
        await asyncio.gather(forget_idle_runs(), return_exceptions=True)
    for look in looks:
        if isinstance(look, BaseException):
            raise look
    lines = [_said(event) for event in news] + started
    return ended("started", ", ".join(lines)) if lines else ended(IDLE)


def _said(event: Event) -> str:
    match event:
        case TargetChanged():
            return f"{event.namespace}/{event.canary}"
        case AutomationDue():
            return f"{event.namespace}/{event.automation}"
        case FlagRolloutChanged():
            return f"flag {event.namespace}/{event.flag_rollout}"
        case TrainDue():
            return f"train {event.namespace}/{event.train}"
        case ImagePushed():
            return f"{event.image}:{event.tag}"
        case SourceChanged():
            return f"{event.reapply or event.url}"
    return event.resource
