"""Wait: nothing moves before a person wants it to; the Canary says why. No task run of Prefect's: it may last for days."""

from __future__ import annotations

import time

from sluice.rollout.journal import entry
from tasks.scene.rollout_ref import RolloutRef, Scene


async def say_what_is_waited_for(ref: RolloutRef, reason: str) -> None:
    """Write into the Canary's condition what its rollout waits for, where that is not written there yet."""
    scene = await Scene.of(ref)
    canary = scene.canary
    said = f"{ref.version} waits: {reason}"
    old = next((one.message for one in canary.status.conditions if one.type == "Promoted"), None)
    if old != said and canary.status.phase is not None:
        await scene.write(entry(canary, time.time(), canary.status.phase, said))
