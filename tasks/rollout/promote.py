"""Promote: bring the primary to the judged revision while the judged canary carries the traffic.

Nothing that serves users is taken down before the route no longer points at it: first all traffic goes to the canary, which
has the primary's size; then the primary is replaced natively; then traffic comes home.
"""

from __future__ import annotations

import asyncio
import time

from sluice.errors import InvalidError, StaleError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry
from sluice.rollout.objects import check_made
from sluice.rollout.result import StageResult
from sluice.rollout.strategies.base import HOME, PROMOTION
from sluice.rollout.tending.difference import lacks
from sluice.rollout.workloads.base import Object, has_pods
from sluice.rollout.workloads.copies import primary_copy
from sluice.rollout.written import is_another, shows
from tasks.run_signals import signals_for_current_run
from tasks.scene.home import say
from tasks.scene.ready_endpoints import check_offers, until_endpoints_ready
from tasks.scene.rollout_ref import DRAIN, RolloutRef, Scene
from tasks.scene.standing import why_not_up
from tasks.stage import stage

CANCELLED_WITHIN = 30.0
"""Seconds that a promotion which a person has cancelled still gets to come to its own end."""
RESIZES = 3
"""So often the primary is made larger because the canary was, before the users come home nevertheless."""


@stage("promote", run_name="promote {ref}")
async def promote(ref: RolloutRef, decision: Decision) -> StageResult:
    """Take the Canary to Finalising with all traffic on a primary that runs this revision. Idempotent.

    Raises:
        StaleError: the target moved on, and what was judged is no longer there to be copied; or the route was deleted.
        TransientError: the primary did not become ready in time.
    """
    scene = await Scene.begun(ref)
    scene.check_current(ref)
    canary, workload = scene.canary, scene.workload
    if canary.status.phase is Phase.FINALISING:
        return StageResult()  # the last write was done, and only its answer was lost
    target, primary = await asyncio.gather(scene.canaries.target(canary), scene.canaries.primary(canary))
    _check_judged(scene, ref, target)
    # One that an autoscaler has given no pods has none to bring home to.
    pods = max(workload.reads.pods(primary or target), 1)
    if fault := await _why_too_small(scene, ref, target, pods):
        return StageResult(fault=fault)
    # All traffic is about to be on these pods: a revision that is pushed from now on must not replace them.
    target = await scene.canaries.freeze(canary)
    _check_judged(scene, ref, target)
    if (canary.status.phase, canary.status.canary_weight) != (Phase.PROMOTING, 100):  # else it is tried once more
        await scene.write(entry(canary, time.time(), Phase.PROMOTING, f"Promoting {ref.version}", canaryWeight=100))
    if await scene.router.weight(canary) is None:
        await scene.ensure_way_in(target)  # somebody took the route away
    await _check_serves(scene)
    await scene.shift(PROMOTION)
    if workload.reads.ends_early(target):
        await asyncio.sleep(DRAIN)
    applied, why = await _as_large_as_the_canary(scene, target)
    if why:
        said = f"{canary.primary} did not come up with {ref.version}: {why}"
        await say(scene, f"All traffic stays on the canary: {said}")
        raise TransientError(said)
    await until_endpoints_ready(scene, Side.PRIMARY, applied)
    await scene.shift(HOME)
    said = f"{ref.version} is promoted; scaling the canary down"
    fields = {"lastPromotedSpec": ref.revision, "canaryWeight": 0}
    await scene.write(entry(scene.canary, time.time(), Phase.FINALISING, said, **fields))
    return StageResult()


async def _as_large_as_the_canary(scene: Scene, target: Object) -> tuple[Object, str]:
    """Replace the primary, at a size that can take all users at once; returns it, and why it cannot (empty if it can).

    While it has no users an autoscaler takes its pods away, and gives the canary more: what the canary needs now the primary
    needs in a moment. It may be made smaller again once the users are there.
    """
    reads, pods = scene.workload.reads, 0
    for _ in range(RESIZES):
        pods = max(pods, reads.pods(target))
        applied, why = await _replaced(scene, target, pods)
        if why or scene.canary.spec.autoscaled is None:
            break
        now = await scene.wired.cluster.find(scene.kind, scene.canary.target, scene.canary.namespace)
        if now is None or reads.pods(now) <= max(pods, reads.pods(applied)):
            break
        pods = reads.pods(now)
    return applied, why


async def _replaced(scene: Scene, target: Object, pods: int) -> tuple[Object, str]:
    """Give the primary what was judged and wait until it runs just that; returns it, and why it does not (empty if so).

    A primary that is larger at the moment of the write, which is fenced by it, stays so: an autoscaler has changed it since.

    Args:
        pods: how many it gets at least.
    """
    canary, workload = scene.canary, scene.workload

    def wish(now: Object | None) -> Object | None:
        if now is not None:
            check_made(canary, now)
        manifest = primary_copy(workload, canary, target, max(workload.reads.pods(now) if now else 0, pods, 1))
        # One that is tried once more, because something else was not as it has to be, has it already.
        return manifest if now is None or any(lacks(manifest, now)) else None

    async with scene.wired.informers.following(scene.kind, canary.primary, canary.namespace) as followed:
        try:
            applied = await scene.writer.bring(scene.kind, canary.primary, canary.namespace, wish)
        except InvalidError as error:
            return {}, str(error)  # nothing else is known to be good: a rollback would send the users there
        await scene.until(
            followed,
            lambda one: is_another(one, applied) or (shows(one, applied) and workload.reads.rolled_over(one or {})),
            _patience(canary),
        )
        now = followed.object
    if now is None or is_another(now, applied):
        return applied, f"{canary.primary} was deleted{' and made again' if now else ''} in the middle"
    if shows(now, applied) and workload.reads.rolled_over(now):
        return applied, ""
    return applied, await scene.canaries.why_not_ready(canary, applied)


async def _why_too_small(scene: Scene, ref: RolloutRef, target: Object, pods: int) -> str:
    """Have the canary carry what the primary does; returns why it cannot, empty where it can.

    An autoscaler may have made the primary larger since, or the canary smaller. It may do so again: that is its own affair.
    """
    if scene.canary.status.phase is Phase.PROMOTING or has_pods(scene.workload, target, pods):
        return ""
    why = await why_not_up(scene, ref, pods)
    return f"{scene.canary.target} has too few pods to carry all of the traffic: {why}" if why else ""


async def _check_serves(scene: Scene) -> None:
    """A promotion that goes on after a crash may find the canary without pods, and the primary as it was."""
    if await scene.router.weight(scene.canary) != PROMOTION.canary:
        await check_offers(scene)


def _patience(canary: Canary) -> float:
    """Seconds that the primary has to come up; few where a person waits for an end."""
    deadline = canary.spec.progress_deadline_seconds
    return min(deadline, CANCELLED_WITHIN) if signals_for_current_run().cancelled else deadline


def _check_judged(scene: Scene, ref: RolloutRef, target: Object) -> None:
    if scene.workload.revision(scene.canary, target) != ref.revision:
        raise StaleError(f"{scene.workload.kind} {scene.canary.target} changed since {ref.version} was judged")
