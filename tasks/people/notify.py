"""Notify: post what a rollout did, and why, with the numbers."""

from __future__ import annotations

from blocks.connections import connections
from sluice.notices.message import Occasion, rollout_message
from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage


@stage("notify", run_name="notify: {ref} {occasion}")
async def notify(ref: RolloutRef, occasion: Occasion, reason: str = "", facts: dict[str, str] | None = None) -> bool:
    """Post to the channel; False where this installation has none."""
    chat = connections().chat
    if chat is None:
        return False
    await chat.say(rollout_message(occasion, f"{ref.namespace}/{ref.name}", ref.version, reason, facts))
    return True
