"""Gates: ask the user's services whether the release may go on (e2e tests, approvals, change calendars)."""

from __future__ import annotations

import asyncio
import time

from sluice.gates.points import Closed, Point
from sluice.manifests.flagger.phase import Phase
from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry
from sluice.rollout.result import StageResult
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

GATE_PAUSE = 5.0
"""Seconds between two questions to a closed gate."""


@stage("gate", run_name="{decision.point.type} gate {ref}")
async def ask_gate(ref: RolloutRef, decision: Decision) -> StageResult:
    """Ask every gate of the decision's point; it is open when all of them are."""
    point, asked_before = decision.point, decision.another_interval
    assert point is not None  # noqa: S101 - the decision to ask names what to ask
    if asked_before:
        await asyncio.sleep(GATE_PAUSE)
    scene = await Scene.of(ref)
    scene.check_current(ref)
    said = await _closed(scene, point)
    before = scene.canary.status
    phase = before.phase or Phase.PROGRESSING
    if point.phase:
        phase = point.phase if said else Phase.PROGRESSING
    if phase is not before.phase or decision.failed_checks != before.failed_checks:
        message = f"Gate {point.type}: {said or 'open'}"
        await scene.write(entry(scene.canary, time.time(), phase, message, failedChecks=decision.failed_checks))
    if not said:
        return StageResult(opened=point.type)
    closed = Closed(point, said)
    news = None if asked_before else Occasion.GATE_WAITS
    return StageResult(closed=closed, unjudged=point.stale, news=news, reason=str(closed))


async def _closed(scene: Scene, point: Point) -> str:
    """What the gates that did not open said; empty where all are open."""
    analysis = scene.canary.spec.analysis
    closed: list[str] = []
    for webhook in analysis.webhooks if analysis else ():
        if webhook.type == point.type:
            answer = await scene.wired.webhooks.ask(webhook, scene.canary)
            if not answer.open:
                closed.append(f"{answer.gate}: {answer.said}")
    return "; ".join(closed)
