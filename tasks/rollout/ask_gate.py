"""Gates: ask the user's services whether the release may go on (e2e tests, approvals, change calendars)."""

from __future__ import annotations

import asyncio
import time

from pydantic import BaseModel, ConfigDict

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.journal import entry
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

WAITING = {"confirm-rollout": Phase.WAITING, "confirm-promotion": Phase.WAITING_PROMOTION}
"""Phases that a Canary shows while a gate of that type is closed."""


class GateAnswer(BaseModel):
    """What all gates of one type said together."""

    model_config = ConfigDict(frozen=True)
    type: str
    open: bool
    said: str


@stage("gate", run_name="{gate} gate {ref}")
async def ask_gate(ref: RolloutRef, gate: str, wait: float = 0.0, failed_checks: int = 0) -> GateAnswer:
    """Ask every gate of a type; open when all are open.

    Args:
        ref: the rollout.
        gate: the webhook type, such as `pre-rollout`.
        wait: seconds before asking, because it was closed just now.
        failed_checks: the journal's count from now on.
    """
    await asyncio.sleep(wait)
    scene = await Scene.of(ref)
    scene.check_current(ref)
    analysis = scene.canary.spec.analysis
    closed: list[str] = []
    for webhook in analysis.webhooks if analysis else ():
        if webhook.type == gate:
            answer = await scene.wired.webhooks.ask(webhook, scene.canary)
            if not answer.open:
                closed.append(f"{answer.gate}: {answer.said}")
    said = "; ".join(closed) or "open"
    before = scene.canary.status
    phase = before.phase or Phase.PROGRESSING
    if gate in WAITING:
        phase = WAITING[gate] if closed else Phase.PROGRESSING
    if phase is not before.phase or failed_checks != before.failed_checks:
        await scene.write(entry(scene.canary, time.time(), phase, f"Gate {gate}: {said}", failedChecks=failed_checks))
    return GateAnswer(type=gate, open=not closed, said=said)
