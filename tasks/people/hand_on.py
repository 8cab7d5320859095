"""Hand on: say on the Canary that another run carries it on, and why. Nothing else is touched."""

from __future__ import annotations

import logging

from sluice.errors import SluiceError
from tasks.scene.home import say
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

log = logging.getLogger("sluice.rollout")


@stage("hand on", run_name="hand on {ref}")
async def hand_on(ref: RolloutRef, why: str) -> None:
    """Write it into the condition of a rollout under way; one that is at rest has its own end there."""
    try:
        scene = await Scene.begun(ref)
        phase = scene.canary.status.phase
        if phase is not None and phase.in_progress:
            await say(scene, f"Another run goes on with {scene.version(ref)}: {why}")
    except SluiceError as error:
        log.warning("that another run goes on with %s could not be written: %s", ref, error)
