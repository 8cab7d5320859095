"""Look: what the flow decides by, read from the cluster and the router. Not a stage of its own: it changes nothing."""

from __future__ import annotations

import asyncio
import random

from pydantic import BaseModel, ConfigDict

from sluice.errors import TransientError
from sluice.manifests.canary import Canary
from sluice.rollout.readiness import deployment_ready
from sluice.rollout.revision import revision_of, version_of
from tasks.rollout_ref import RolloutRef, Scene

TRIES = 30


class Look(BaseModel):
    """One look at a rollout.

    Attributes:
        canary: the journal.
        revision, version: of the target now.
        weight: the canary's real weight at the router; None where there is no route.
        standing: whether the canary's pods run this revision and serve.
    """

    model_config = ConfigDict(frozen=True)
    canary: Canary
    revision: str
    version: str
    weight: int | None
    standing: bool


async def look(ref: RolloutRef) -> Look:
    """Look, again and again with backoff while the cluster does not answer.

    Raises:
        TransientError: it did not for about two minutes.
        TerminalError: the Canary or its target is not there or not valid.
    """
    for attempt in range(TRIES):
        try:
            return await _look(ref)
        except TransientError:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(min(0.2 * 2**attempt, 5.0) * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")


async def _look(ref: RolloutRef) -> Look:
    scene = await Scene.of(ref)
    target, weight = await asyncio.gather(scene.canaries.target(scene.canary), scene.router.weight(scene.canary))
    return Look(
        canary=scene.canary,
        revision=revision_of(target),
        version=version_of(target),
        weight=weight,
        standing=deployment_ready(target, scene.canary.ready_threshold),
    )
