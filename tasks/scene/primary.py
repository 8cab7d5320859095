"""The primary of a Canary, brought to what the journal says it runs: made, corrected, made again where it was deleted."""

from __future__ import annotations

from typing import Any

from blocks.kubernetes.kinds import CANARY
from sluice.errors import ConflictError, TransientError
from sluice.manifests.flagger.canary_status import CanaryStatus
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.objects import check_made
from sluice.rollout.tending.primary import due, wanted
from tasks.scene.rollout_ref import Scene

Object = dict[str, Any]


class UnknownPastError(TransientError):
    """A primary has to be made again, and nobody knows any more what it ran. A person has to help."""


async def tend_primary(scene: Scene, target: Object) -> Object:
    """Bring the primary to the revision that is due, and return it. Nothing is written where it lacks nothing.

    Raises:
        InvalidError: somebody else's workload has its name.
        UnknownPastError: it is gone, and nobody knows any more what it ran.
        TransientError: one that is on its way out has its name.
        ConflictError: the journal has moved on meanwhile.
    """
    canary, workload = scene.canary, scene.workload
    live = await scene.canaries.primary(canary)
    if live is not None:
        check_made(canary, live)
    revision = due(workload, canary, target, live, await scene.router.weight(canary))
    if live is not None and canary.status.phase is Phase.PROMOTING:
        return live  # it is between two revisions, as the stage that promotes wants it
    source = await _source(scene, target, revision, live)
    if source is None:
        if live is not None:
            return live  # one that Flagger made, or whose template nobody has kept: it serves, and stays what it is
        raise UnknownPastError(_nothing_left(scene, revision))
    pods = canary.status.primary_pods or workload.reads.pods(target) or 1

    def wish(now: Object | None) -> Object | None:
        if now is not None:
            check_made(canary, now)
        _check_journal(scene)
        return wanted(workload, canary, source, now, pods)

    return await scene.writer.bring(scene.kind, canary.primary, canary.namespace, wish)


def _check_journal(scene: Scene) -> None:
    """Refuse to write by a journal that has moved on while the write was prepared."""
    known = scene.wired.informers.known(CANARY, scene.canary.name, scene.canary.namespace)
    if known is None:
        return
    now, then = CanaryStatus.model_validate(known.get("status") or {}), scene.canary.status
    if (now.phase, now.last_promoted_spec, now.last_applied_spec) != (
        then.phase,
        then.last_promoted_spec,
        then.last_applied_spec,
    ):
        raise ConflictError(f"{scene.canary}: the journal has moved on")


async def _source(scene: Scene, target: Object, revision: str, live: Object | None) -> Object | None:
    """The target with the template of a revision: as it is, or as the controller of it or of its primary has kept it."""
    workload = scene.workload
    if not revision or workload.revision(scene.canary, target) == revision:
        return target if revision else None
    return await scene.wired.past.find(scene.wired.cluster, workload, target, revision, live)


def _nothing_left(scene: Scene, revision: str) -> str:
    canary = scene.canary
    return (
        f"{scene.workload.kind} {canary.namespace}/{canary.primary} is gone, and the history of {canary.target} no longer "
        f"has the promoted revision {revision or '(none)'}: put {canary.target} back to it in git or with "
        "`kubectl rollout undo`, or delete the Canary's status to begin with what the target holds now"
    )
