"""Let go: the Canary was deleted in the middle of its release; what was frozen for it is its owner's again."""

from __future__ import annotations

from contextlib import suppress

from blocks.connections import connections
from blocks.kubernetes.canaries import Canaries
from blocks.kubernetes.kinds import CANARY
from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary_metric import ObjectReference
from tasks.scene.rollout_ref import RolloutRef, writer_of
from tasks.stage import stage


@stage("let go", run_name="let go {ref}")
async def let_go(ref: RolloutRef, target: ObjectReference) -> bool:
    """Let the target follow its template again; False where the Canary is still there. Idempotent.

    The primary, a baseline, the Services and the route go with the Canary that owns them: nothing else is left to be done.
    """
    informers = connections().informers
    try:
        await informers.fresh(CANARY, ref.name, ref.namespace)
    except NotFoundError:
        with suppress(NotFoundError):
            await Canaries(writer_of(connections())).thaw(target, ref.namespace)
        return True
    return False
