"""Find unmarked: releases whose end or beginning the forge does not know, and tell it now, without a person."""

from __future__ import annotations

import asyncio
import logging
import time

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY
from sluice.errors import SluiceError
from sluice.manifests.flagger.canary import Canary
from sluice.marks.due import Due, Mark
from tasks.marks.mark import bring, is_unsaid, missing
from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage

log = logging.getLogger("sluice.marks")
MOST, LONGEST = 20, 20.0
"""Canaries of one look, and seconds for all of them: forges take some eighty writes a minute from one user."""
AT_WORK = 60.0
"""Seconds after a change in which its own run is given time to tell it."""
PAST = 86_400.0
"""Seconds after which an end that was never marked is no news: who begins to mark does not mark the past."""


async def unmarked() -> list[RolloutRef]:
    """The Canaries that the forge has to hear something of, those that wait longest first. No task: it is rarely any."""
    wired, now, found = connections(), time.time(), []
    if wired.forge is None and wired.marking.sink is None:
        return []
    for item in await wired.informers.given(CANARY):
        meta = item["metadata"]
        if f"{meta.get('namespace')}/{meta['name']}" not in wired.marking.unkept and is_unsaid(wired, item):
            found += [
                one for one in Canary.valid([item]) if any(_is_late(one, each, now) for each in missing(wired, one))
            ]
    found.sort(key=lambda one: one.status.last_transition_time)
    return [RolloutRef(namespace=one.namespace, name=one.name) for one in found[:MOST]]


@stage("mark missed", delays=[])
async def mark_missed(waiting: list[RolloutRef]) -> int:
    """Tell the forge what it does not know; of how many Canaries it heard."""
    wired, done = connections(), 0
    try:
        async with asyncio.timeout(LONGEST):
            for ref in waiting:
                try:
                    await bring(wired, ref)
                    done += 1
                except SluiceError as error:
                    log.warning("%s is not marked yet: %s", ref, error)
    except TimeoutError:
        log.warning("marks of %d Canaries are left for the next look", len(waiting) - done)
    return done


def _is_late(canary: Canary, one: Due, now: float) -> bool:
    known = canary.status.marked.get(one.revision)
    age = now - one.at
    # Who heard that it began waits for its end, however long ago that was.
    begun = known is not None and Mark.IN_PROGRESS in {known.mark, known.sent}
    return age > AT_WORK and (age < PAST or begun)
