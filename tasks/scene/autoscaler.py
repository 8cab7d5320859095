"""The primary's autoscaler, brought to what `spec.autoscalerRef` says."""

from __future__ import annotations

import logging
from typing import Any

from blocks.kubernetes.kinds import HORIZONTAL_POD_AUTOSCALER
from sluice.errors import InvalidError
from sluice.rollout.objects import Ownership, is_made, ownership
from sluice.rollout.tending.autoscaler import autoscaler_of, wanted_autoscaler
from tasks.scene.rollout_ref import Scene

Object = dict[str, Any]
log = logging.getLogger("sluice.rollout")


async def tend_autoscaler(scene: Scene) -> None:
    """Make the primary's autoscaler, or bring it to the target's. Nothing is asked where the Canary names none.

    A target's that is not there (yet) is no reason to hold users up: the primary keeps the one that it has.

    Raises:
        InvalidError: somebody else's has its name.
    """
    canary, reference = scene.canary, scene.canary.spec.autoscaled
    if reference is None:
        return
    source = await scene.wired.cluster.find(HORIZONTAL_POD_AUTOSCALER, reference.name, canary.namespace)
    if source is None:
        log.warning("%s: spec.autoscalerRef names %s, which does not exist", canary, reference.name)
        return
    name = autoscaler_of(reference)

    def wish(now: Object | None) -> Object | None:
        if now is not None and ownership(canary, now) in {Ownership.LEAVING, Ownership.EARLIER}:
            return None  # its own controller or the garbage collector is at it: it is made once that is gone
        if now is not None and not is_made(canary, now):
            raise InvalidError(
                f"HorizontalPodAutoscaler {canary.namespace}/{name} exists and is not {canary}'s, which needs this name for "
                "its primary's: delete it, or take spec.autoscalerRef away to keep your own"
            )
        return wanted_autoscaler(canary, reference, source, now)

    live = await scene.wired.cluster.find(HORIZONTAL_POD_AUTOSCALER, name, canary.namespace)
    if live is None or wish(live) is not None:
        await scene.writer.bring(HORIZONTAL_POD_AUTOSCALER, name, canary.namespace, wish, followed=False)
