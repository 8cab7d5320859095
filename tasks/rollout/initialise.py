"""Initialise: make the primary, the Services and the route, and only then let the primary serve alone."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from blocks.kubernetes.informer import Followed
from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.decision import Decision, Outcome
from sluice.rollout.journal import entry
from sluice.rollout.needs import needs_primary
from sluice.rollout.objects import check_made
from sluice.rollout.result import StageResult
from sluice.rollout.revision import version_of
from sluice.rollout.safety.begun import begun_with
from sluice.rollout.tending.primary import given
from tasks.scene.autoscaler import to_rest
from tasks.scene.home import go_home
from tasks.scene.primary import tend_primary
from tasks.scene.ready_endpoints import until_endpoints_ready
from tasks.scene.rollout_ref import DRAIN, LEASE_LOOK, RolloutRef, Scene
from tasks.scene.tend import tend
from tasks.stage import stage

Object = dict[str, Any]
QUIET = 10.0
"""Seconds that a primary may take before people read in the Canary why it is not ready; then they are read as often."""


@stage("initialise", run_name="initialise {ref}")
async def initialise(ref: RolloutRef, decision: Decision) -> StageResult:
    """Bring the Canary to Initialized; or, where a person cancelled that, to Failed. Idempotent.

    Raises:
        TransientError: there is no primary that serves yet; the message says why, in the pods' own words.
    """
    scene = await Scene.of(ref)
    canary = scene.canary
    if not needs_primary(canary):  # the last write was done, and only its answer was lost
        return StageResult(reason=f"the primary runs {ref.version}")
    target = await scene.canaries.target(canary)
    if decision.outcome is Outcome.CANCELLED:
        return await _cancelled(scene, scene.workload.revision(canary, target), decision.reason)
    if canary.status.phase is not Phase.INITIALIZING:
        await _note(scene, "Making the primary")
    primary = await _ready(scene)
    try:
        _check_same(scene, primary, await tend(scene))
        await until_endpoints_ready(scene, Side.PRIMARY, primary)
    except TransientError as error:
        await _note(scene, str(error))
        raise
    if await scene.router.weight(scene.canary):
        await go_home(
            scene
        )  # a status that was lost in a release, or somebody who wrote the route, has left users there
    if scene.workload.writes.scaled(target, 0):
        await asyncio.sleep(DRAIN)
        await _look_again(scene, primary)
        await to_rest(scene)
    # What the primary runs, also where the target has moved on meanwhile: that is the next revision's release.
    revision = given(primary)
    done = {"lastAppliedSpec": revision, "lastPromotedSpec": revision, "canaryWeight": 0, "failedChecks": 0}
    done |= {"begunWith": begun_with(canary, version_of(primary)), **scene.end(Outcome.INITIALISED)}
    await scene.write(entry(scene.canary, time.time(), Phase.INITIALIZED, "The primary serves", **done))
    return StageResult(reason=f"the primary runs {version_of(primary)}")


async def _ready(scene: Scene) -> Object:
    """The primary, once it is ready. It follows the target until then: a fix that is pushed reaches it.

    Raises:
        TransientError: it did not become ready in time, or cannot be made.
    """
    canary, informers = scene.canary, scene.wired.informers
    loop = asyncio.get_running_loop()
    began, limit, why = loop.time(), canary.spec.progress_deadline_seconds, ""
    said = began
    async with (
        informers.following(scene.kind, canary.primary, canary.namespace) as primary,
        informers.following(scene.kind, canary.target, canary.namespace) as target,
    ):
        while True:
            scene.lease.check()
            try:
                live = await tend_primary(scene, await scene.canaries.target(canary))
                why = ""
            except (InvalidError, TransientError) as error:
                live, why = None, str(error)
            if live is not None and scene.workload.reads.ready(live):
                return live
            late = loop.time() >= began + limit
            if why or late or loop.time() >= said + QUIET:
                said = loop.time()
                words = await scene.canaries.why_not_ready(canary, live) if live else why
                why = why or f"{canary.primary} did not become ready: {words}"
                await _note(scene, why)
            if late:
                raise TransientError(why)
            await _change(primary, target, min(LEASE_LOOK, max(began + limit - loop.time(), 0.0)))


async def _change(primary: Followed, target: Followed, within: float) -> None:
    """Wait for a change of one of the two, at most so many seconds."""
    changes = [asyncio.ensure_future(one.change()) for one in (primary, target)]
    with suppress(TimeoutError):
        try:
            await asyncio.wait(changes, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for change in changes:
                change.cancel()


async def _note(scene: Scene, said: str) -> None:
    """Write into the Canary's condition where its primary stands, where that is not written there yet."""
    canary = scene.canary
    known = canary.status.condition("Promoted")
    if canary.status.phase is not Phase.INITIALIZING or known is None or known.message != said:
        await scene.write(entry(canary, time.time(), Phase.INITIALIZING, said))


async def _look_again(scene: Scene, primary: Object) -> None:
    """Look at the primary by the API server's own word, right before the target stops serving.

    Raises:
        TransientError: it is not what was made any more: another Canary's that is collected, or deleted by somebody.
    """
    canary = scene.canary
    now = await scene.wired.informers.fresh(scene.kind, canary.primary, canary.namespace)
    check_made(canary, now)
    _check_same(scene, primary, now)
    _check_same(scene, primary, await tend(scene))


def _check_same(scene: Scene, primary: Object, now: Object) -> None:
    """Refuse to go on with a primary that is not the one that was seen ready: it has to serve first.

    Raises:
        TransientError: it is another object, or has followed the target to another revision.
    """
    if (now["metadata"]["uid"], given(now)) != (primary["metadata"]["uid"], given(primary)):
        raise TransientError(f"{scene.canary.primary} was replaced or follows a newer revision: it has to serve first")


async def _cancelled(scene: Scene, revision: str, reason: str) -> StageResult:
    """Close the journal: the target serves its users as before, until somebody wants a primary again."""
    said = f"Making the primary was {reason}; push another revision, or run roll_out with retry_refused=true"
    fields = {"lastAppliedSpec": revision, "canaryWeight": 0, **scene.end(Outcome.CANCELLED)}
    if scene.canary.status.phase is None:
        await _note(scene, said)
    await scene.write(entry(scene.canary, time.time(), Phase.FAILED, said, **fields))
    return StageResult(reason=said)
