"""Let go: the Canary is deleted in the middle of its release; what was frozen for it is its owner's again."""

from __future__ import annotations

from contextlib import suppress

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY
from blocks.kubernetes.rollouts.canaries import Canaries
from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.rollout.tending.finalizer import FINALIZER
from tasks.scene.revert import revert
from tasks.scene.rollout_ref import RolloutRef, Scene, writer_of
from tasks.stage import stage


@stage("let go", run_name="let go {ref}")
async def let_go(ref: RolloutRef, target: ObjectReference) -> bool:
    """Let the target follow its template again; False where nobody has deleted the Canary. Idempotent.

    The primary, a baseline, the Services and the route go with the Canary that owns them. Where it waits for that, as
    `spec.revertOnDeletion` asks, its users are served by the target again before.

    Raises:
        TransientError: the target is not ready to serve them yet.
    """
    try:
        item = await connections().informers.fresh(CANARY, ref.name, ref.namespace)
    except NotFoundError:
        item = None
    if item is not None and not item["metadata"].get("deletionTimestamp"):
        return False
    if item is not None and FINALIZER in (item["metadata"].get("finalizers") or []):
        await revert(await Scene.begun(ref))
        return True
    with suppress(NotFoundError):
        await Canaries(writer_of(connections())).thaw(target, ref.namespace)
    return True
