"""Scale up: bring the canary to the primary's size and wait until it can take traffic."""

from __future__ import annotations

import time

from pydantic import BaseModel, ConfigDict

from blocks.kinds import DEPLOYMENT
from sluice.errors import NotFoundError
from sluice.rollout.readiness import deployment_ready
from sluice.rollout.revision import revision_of
from tasks.ready_endpoints import until_endpoints_ready
from tasks.rollout_ref import RolloutRef, Scene
from tasks.stage import stage


class Readiness(BaseModel):
    """Whether the canary can take traffic; `reason` says why not, in the pods' own words."""

    model_config = ConfigDict(frozen=True)
    ready: bool
    reason: str = ""


@stage("scale up", run_name="scale up {ref}")
async def scale_up(ref: RolloutRef) -> Readiness:
    """Scale the canary up and hold it; returns when it is ready, when its deadline has passed, or a newer revision came.

    Held, because from now on users meet its pods: whatever is pushed rolls out only when the traffic is at home again, also
    where nobody is there to see the push.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    canary = scene.canary
    primary = await scene.canaries.primary(canary)
    if primary is None:
        raise NotFoundError(
            f"Deployment {canary.namespace}/{canary.primary} is gone: delete the Canary's status to redo it"
        )
    replicas = int(primary["spec"].get("replicas", 1))
    share = canary.ready_threshold
    began = time.monotonic()
    async with scene.wired.seen.following(DEPLOYMENT, canary.target, canary.namespace) as target:
        # Where it takes traffic already, pods of a revision that was pushed since must not come into it.
        held = bool(canary.status.canary_weight or await scene.router.weight(canary))
        await scene.canaries.scale(canary, canary.target, replicas, held=held)
        await scene.until(
            target,
            lambda one: one is None or revision_of(one) != ref.revision or _scaled(one, replicas, share),
            canary.spec.progress_deadline_seconds,
        )
        seen = target.object
    if seen is None:
        raise NotFoundError(f"Deployment {canary.namespace}/{canary.target} was deleted")
    if revision_of(seen) != ref.revision:
        return Readiness(ready=False, reason="a newer revision came")
    if not _scaled(seen, replicas, share):
        why = await scene.canaries.why_not_ready(canary, seen)
        return Readiness(ready=False, reason=f"not ready after {time.monotonic() - began:.0f} s: {why}")
    if share == 100:
        await until_endpoints_ready(scene, "canary", seen)
    seen = await scene.canaries.hold(canary)
    if revision_of(seen) != ref.revision:
        return Readiness(ready=False, reason="a newer revision came")
    return Readiness(ready=True)


def _scaled(deployment: dict[str, object], replicas: int, share: int) -> bool:
    spec = deployment["spec"]
    return isinstance(spec, dict) and spec.get("replicas") == replicas and deployment_ready(deployment, share)
