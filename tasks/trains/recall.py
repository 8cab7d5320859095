"""Recall a Train under way: all of its services go home. For a person who cancels its run."""

from __future__ import annotations

import asyncio

from sluice.errors import NotFoundError, StaleError
from sluice.manifests.own.train import TrainPhase
from tasks.stage import stage
from tasks.trains.scene import TrainRef, looked, write

TRIES, PAUSE = 5, 0.5


@stage("recall a train", run_name="recall {ref}")
async def recall(ref: TrainRef, reason: str) -> bool:
    """Write into the journal that all go home; whichever run carries it next brings them there. False where none is to."""
    for _ in range(TRIES):
        now = await looked(ref)
        if now is None or not now.train.under_way or now.train.status.phase is TrainPhase.RETURNING:
            return False
        change = {"phase": TrainPhase.RETURNING, "reason": reason, "message": f"all go home: {reason}"}
        try:
            await write(now.train, now.train.status.model_copy(update=change))
        except (StaleError, NotFoundError):
            await asyncio.sleep(PAUSE)
            continue
        return True
    return False
