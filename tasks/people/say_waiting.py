"""Say what a rollout waits for that a person holds up. No task run of Prefect's: it may last for days."""

from __future__ import annotations

from tasks.scene.home import say
from tasks.scene.rollout_ref import RolloutRef, Scene


async def say_what_is_waited_for(ref: RolloutRef, reason: str) -> None:
    """Write into the Canary's condition what its rollout waits for, where that is not written there yet."""
    await say(await Scene.of(ref), f"{ref.version} waits: {reason}")
