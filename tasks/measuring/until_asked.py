"""Wait, without a task run of Prefect's, for as long as a release is held: it may be for weeks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sluice.errors import SluiceError
from tasks.measuring.unchanged import unchanged
from tasks.run_signals import signals_for_current_run
from tasks.scene.rollout_ref import RolloutRef, Scene

LONGEST = 60.0
"""Seconds until what is held is looked at again, though nothing has called for it."""


async def until_asked(ref: RolloutRef, pause: float) -> None:
    """Return as soon as there may be something else to decide, and after that pause where that cannot be followed.

    What a person does to the run in Prefect's UI makes no news: that is looked for at this pace.
    """
    if signals_for_current_run().paused:
        await asyncio.sleep(pause)
        return
    with suppress(SluiceError):  # whatever it is, the next look says what becomes of the release
        async with unchanged(await Scene.of(ref), ref) as under:
            if await under.stands(LONGEST) or under.heard.matters != under.began.matters:
                return
    await asyncio.sleep(pause)
