"""Look: what the flow decides by, read from the cluster and the router. Not a stage of its own: it changes nothing."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field

from sluice.errors import LostError, StaleError, TransientError, reason_of
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.needs import needs_primary
from sluice.rollout.revision import version_of
from tasks.gates.heard import Heard, heard
from tasks.scene.baseline import is_standing
from tasks.scene.rollout_ref import RolloutRef, Scene

log = logging.getLogger("sluice.rollout")
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a rollout.

    Attributes:
        canary: the journal, by the names that a release under way was begun by.
        revision, version: of the target now; empty where it was deleted.
        weight: the canary's real weight at the router; None where there is no route.
        led: users come to a primary already that is still being made.
        broken: why a release under way cannot go on by what the cluster holds; empty where it can.
        heard: what Gates and people say of it.
        standing: whether the canary's pods run this revision and serve, frozen where they have traffic, and where it is
            compared the baseline's too.
    """

    canary: Canary
    revision: str
    version: str
    weight: int | None
    standing: bool
    led: bool = False
    broken: str = ""
    heard: Heard = field(default_factory=Heard)

    @property
    def shown(self) -> object:
        """What an act changes that has an effect; equal where nothing was changed."""
        return (
            self.canary.status.journal.model_copy(update={"conditions": (), "tracked_target": None}),
            self.revision,
            self.weight,
            self.standing,
            self.heard.matters,
        )


async def look(ref: RolloutRef) -> Look:
    """Look, again and again with backoff for as long as the cluster does not answer: nothing moves meanwhile.

    Raises:
        TerminalError: the Canary is not there, or nothing is under way and it is not valid or its target not there.
        LostError: this run holds no lease.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return await _look(ref)
        except TransientError as error:
            log.warning("%s waits: %s", ref, error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, LONGEST_PAUSE)


async def _look(ref: RolloutRef) -> Look:
    scene = await Scene.begun(ref)
    phase = scene.canary.status.phase
    try:
        return await _whole(scene, ref)
    except (TransientError, LostError, StaleError):
        raise
    except Exception as error:
        if phase is None or phase is Phase.INITIALIZING or not phase.in_progress:
            raise
        # Whatever cannot be looked at: the release comes to its end by what is known.
        return Look(
            canary=scene.canary, revision="", version=ref.version, weight=None, standing=False, broken=reason_of(error)
        )


async def _whole(scene: Scene, ref: RolloutRef) -> Look:
    target, weight, baseline = await asyncio.gather(
        scene.canaries.target(scene.canary), scene.router.weight(scene.canary), is_standing(scene, ref)
    )
    if weight:
        await scene.services.check_side(scene.canary, Side.CANARY)  # else its users meet somebody else's pods
    reads, writes = scene.workload.reads, scene.workload.writes
    # Somebody who applied the target whole may have thawed it: it is frozen again before users meet more of it.
    stays = not weight or writes.frozen(target) is None
    revision = scene.workload.revision(scene.canary, target)
    return Look(
        canary=scene.canary,
        revision=revision,
        version=version_of(target),
        weight=weight,
        standing=baseline and stays and reads.ready(target, scene.canary.ready_threshold),
        led=needs_primary(scene.canary)
        and (weight is not None or await scene.services.leads_home(scene.canary, target)),
        broken=scene.broken,
        heard=await heard(scene.wired, scene.canary, ref.revision or revision),
    )
