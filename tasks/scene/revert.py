"""Revert: give an application back to its target before its Canary goes, where `spec.revertOnDeletion` asks for it.

As with Flagger a finalizer keeps the Canary until that is done; without it the primary, which has the users, is collected
together with the Canary while the target has no pods.
"""

from __future__ import annotations

import time

from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.journal import entry
from sluice.rollout.tending.finalizer import FINALIZER
from sluice.rollout.written import is_another, shows
from tasks.scene.autoscaler import wake
from tasks.scene.ready_endpoints import until_endpoints_ready
from tasks.scene.rollout_ref import Scene


async def tend_finalizer(scene: Scene) -> None:
    """Have the Canary wait for being reverted, or wait no longer, as its manifest says. Idempotent."""
    await _bring(scene, wanted=bool(scene.canary.spec.revert_on_deletion))


async def revert(scene: Scene) -> None:
    """The target's pods serve the users as they did before there was a Canary; then the Canary may go. Idempotent.

    Its pods come first, then what leads users to them. The target follows its template again, whatever that holds now.

    Raises:
        TransientError: the target's pods are not ready yet; users stay on the primary, and the Canary says why.
    """
    canary = scene.canary
    if FINALIZER not in canary.metadata.finalizers:
        return
    try:
        await _give_back(scene)
    except NotFoundError:
        said = f"{scene.workload.kind} {canary.target} is gone: there is nothing to give back"
    except TransientError as error:
        await _say(scene, str(error))
        raise
    else:
        said = f"{canary.target} serves its users itself again"
    await scene.write(entry(scene.canary, time.time(), Phase.TERMINATED, said, canaryWeight=0))
    await _bring(scene, wanted=False)


async def _say(scene: Scene, message: str) -> None:
    """Have people read in the Canary what it waits for before it goes, once for each sentence."""
    known = scene.canary.status.condition("Promoted")
    if known is None or known.message != message:
        await scene.write(entry(scene.canary, time.time(), Phase.TERMINATING, message))


async def _give_back(scene: Scene) -> None:
    canary, workload = scene.canary, scene.workload
    await scene.canaries.target(canary)
    primary = await scene.canaries.primary(canary)
    if canary.status.phase not in {Phase.TERMINATING, Phase.TERMINATED}:
        said = f"Giving the users back to {canary.target}"
        await scene.write(entry(canary, time.time(), Phase.TERMINATING, said))
    pods = (workload.reads.pods(primary) if primary else 0) or canary.status.primary_pods or 1
    async with scene.wired.informers.following(scene.kind, canary.target, canary.namespace) as followed:
        await wake(scene)
        filled = await scene.canaries.fill(canary, canary.target, pods)
        await scene.until(
            followed,
            lambda one: is_another(one, filled) or (shows(one, filled) and workload.reads.ready(one or {})),
            canary.spec.progress_deadline_seconds,
        )
        now = followed.object
    if now is not None and is_another(now, filled):
        raise TransientError(f"{canary.target} was deleted and made again while its pods were waited for")
    if now is None or not (shows(now, filled) and workload.reads.ready(now)):
        why = await scene.canaries.why_not_ready(canary, filled)
        raise TransientError(f"{canary.target} did not become ready, so users stay on {canary.primary}: {why}")
    try:
        await scene.services.ensure(canary, filled, apex=False)
    except InvalidError as error:  # somebody's object in its place: it goes on as soon as that is out of the way
        raise TransientError(
            f"{canary.target} is not offered to anybody, so users stay on {canary.primary}: {error}"
        ) from error
    await until_endpoints_ready(scene, Side.CANARY, filled)
    await scene.release()


async def _bring(scene: Scene, *, wanted: bool) -> None:
    if (FINALIZER in scene.canary.metadata.finalizers) is not wanted:
        await scene.canaries.hold(scene.canary, wanted=wanted)
