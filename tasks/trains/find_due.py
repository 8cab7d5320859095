"""Find Trains that have something to do and that nobody carries: a bell rang, an event was lost, or a run is gone."""

from __future__ import annotations

import logging
import time

from blocks.connections import connections
from blocks.kubernetes.kinds import TRAIN
from sluice.errors import ForbiddenError
from sluice.events.model import TrainDue
from sluice.manifests.own.train import Train
from sluice.trains.due import due
from tasks.stage import stage
from tasks.trains.scene import TrainRef, lease_for

log = logging.getLogger("sluice.trains")
AGAIN = 300
"""Seconds in which one event at most asks for a Train that stays due: its run may be waiting for room."""


@stage("find due trains")
async def find_due_trains() -> list[TrainDue]:
    """An event for each Train that is due and whose Lease nobody holds who lives."""
    wired, found, now = connections(), [], time.time()
    try:
        items = await wired.cluster.list(TRAIN)
    except ForbiddenError as error:  # roles of an installation from before trains: all else is looked after as it was
        log.warning("trains do not depart: %s", error)
        return []
    for train in Train.valid(items):
        ref = TrainRef(namespace=train.namespace, name=train.name)
        why = due(train, now)
        if why and not await lease_for(wired, ref, "reconcile").held_by_another():
            delivery = f"{train.metadata.uid}/{why}/{int(now // AGAIN)}"
            found.append(TrainDue(delivery=delivery, namespace=ref.namespace, train=ref.name))
    return found
