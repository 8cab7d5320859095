"""Begin: open the journal for a new revision, with all traffic on the primary."""

from __future__ import annotations

import time

from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision
from sluice.rollout.journal import beginning
from sluice.rollout.result import StageResult
from tasks.gates.heard import newest_record
from tasks.scene.home import go_home
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.scene.tend import tend
from tasks.stage import stage


@stage("begin", run_name="begin {ref}")
async def begin(ref: RolloutRef, decision: Decision) -> StageResult:
    """Write that this revision is on its way. Traffic that an interrupted older one still has goes home first."""
    scene = await Scene.of(ref)
    if scene.moved:
        await tend(scene)  # else nobody remembers by which route its users came before
    if await scene.router.weight(scene.canary):
        await go_home(scene)
    said = await newest_record(scene.wired, scene.canary)
    opening = beginning(scene.canary, time.time(), ref.revision, ref.version, said)
    opening["status"] |= await scene.given_to_primary()
    await scene.write(opening)
    return StageResult(began=True, news=Occasion.STARTED)
