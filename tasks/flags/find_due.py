"""Find FlagRollouts that have something to do and that nobody carries: their event was lost, or their run is gone."""

from __future__ import annotations

import logging
import time

from blocks.connections import connections
from blocks.kubernetes.kinds import FLAG_ROLLOUT
from sluice.errors import ForbiddenError
from sluice.events.model import FlagRolloutChanged
from sluice.manifests.own.flag_rollout import FlagRollout
from tasks.flags.rollout_scene import FlagRef, lease_for
from tasks.stage import stage

log = logging.getLogger("sluice.flags")
AGAIN = 300
"""Seconds in which one event at most asks for a FlagRollout that stays due: its run may be waiting for room."""


@stage("find due flags")
async def find_due_flags() -> list[FlagRolloutChanged]:
    """An event for each FlagRollout that is due and whose Lease nobody holds who lives."""
    wired, found = connections(), []
    try:
        items = await wired.cluster.list(FLAG_ROLLOUT)
    except ForbiddenError as error:  # roles of an installation from before flags: all else is looked after as it was
        log.warning("flags are not raised: %s", error)
        return []
    for rollout in FlagRollout.valid(items):
        ref = FlagRef(namespace=rollout.namespace, name=rollout.name)
        if rollout.due and not await lease_for(wired, ref, "reconcile").held_by_another():
            window = int(time.time() // AGAIN)
            delivery = f"{rollout.metadata.uid}/{rollout.metadata.generation}/{window}"
            found.append(FlagRolloutChanged(delivery=delivery, namespace=ref.namespace, flag_rollout=ref.name))
    return found
