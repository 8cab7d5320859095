"""Notify: post what a rollout did, and why, with the numbers."""

from __future__ import annotations

import time

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import CANARY
from sluice.errors import SluiceError
from sluice.gates.answering.question import about_release
from sluice.manifests.flagger.canary import Canary
from sluice.notices.message import Choice, Occasion, rollout_message
from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage


@stage("notify", run_name="notify: {ref} {occasion}")
async def notify(ref: RolloutRef, occasion: Occasion, reason: str = "", facts: dict[str, str] | None = None) -> bool:
    """Post to the channel; False where this installation has none."""
    wired = connections()
    if wired.chat is None:
        return False
    choices = await _choices(wired, ref) if occasion is Occasion.STARTED else ()
    await wired.chat.say(rollout_message(occasion, f"{ref.namespace}/{ref.name}", ref.version, reason, facts, choices))
    return True


async def _choices(wired: Connections, ref: RolloutRef) -> tuple[Choice, ...]:
    """What people may press under it, where somebody hears that; none where the release is over by now."""
    if wired.seal is None:
        return ()
    try:
        canary = Canary.parse(await wired.informers.fresh(CANARY, ref.name, ref.namespace))
    except SluiceError:
        return ()
    begun = canary.status.last_applied_spec == ref.revision
    return about_release(canary, ref.revision, time.time(), wired.seal) if begun else ()
