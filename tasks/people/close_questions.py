"""Close questions: let the messages by which Gates asked people say how it ended. Buttons that nobody hears are no use."""

from __future__ import annotations

import logging

from blocks.connections import connections
from blocks.gates.kinds.approval import POSTED
from sluice.errors import SluiceError
from sluice.gates.answering.question import answered
from sluice.notices.message import Occasion
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

log = logging.getLogger("sluice.rollout")


@stage("close questions", run_name="close questions of {ref}", delays=[1.0, 4.0, 15.0])
async def close_questions(ref: RolloutRef, outcome: str, reason: str) -> int:
    """Change the messages that are still in chat; returns how many there were.

    Args:
        ref: the release that has ended.
        outcome, reason: how, for people.
    """
    chat = connections().chat
    if chat is None:
        return 0
    scene = await Scene.begun(ref)
    if scene.canary.status.last_applied_spec != ref.revision:
        return 0
    asked = [one for one in scene.canary.status.gates if one.kept.get(POSTED)]
    for one in asked:
        occasion = Occasion.GATE_OPEN if one.open else Occasion.GATE_LEFT
        said = one.said if one.open else f"{outcome}: {reason}" if reason else outcome
        message = answered(scene.canary, one.gate, one.point, said, occasion, ref.version)
        try:
            await chat.change(str(one.kept[POSTED]), message)
        except SluiceError as error:
            log.warning("a gate's message in chat stays as it is: %s", error)
    return len(asked)
