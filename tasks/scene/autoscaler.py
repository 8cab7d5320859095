"""The autoscalers of a Canary: the primary's is brought to what `spec.autoscalerRef` says, the target's rests with it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from blocks.kubernetes.kinds import AUTOSCALER_KINDS
from sluice.errors import InvalidError, NotFoundError
from sluice.rollout.autoscalers import autoscaler_for
from sluice.rollout.autoscalers.base import Autoscaler, autoscaler_of, wanted_autoscaler
from sluice.rollout.objects import Ownership, is_made, ownership
from sluice.rollout.tending.conditions import Kept
from tasks.scene.rollout_ref import Scene

Object = dict[str, Any]
log = logging.getLogger("sluice.rollout")
WAKES_WITHIN = 10.0
"""Seconds that an autoscaler's controller may take to see that it is to scale; then it is gone on without."""
LOOK = 0.2


async def tend_autoscaler(scene: Scene) -> None:
    """Make the primary's autoscaler, or bring it to the target's. Nothing is asked where the Canary names none.

    A target's that is not there (yet) is no reason to hold users up: the primary keeps the one that it has, and people read
    what is lacking.

    Raises:
        InvalidError: somebody else's has its name.
    """
    canary, reference, row = scene.canary, scene.canary.spec.autoscaled, autoscaler_for(scene.canary)
    if reference is None or row is None:
        return
    source, kind = await _source(scene, row), AUTOSCALER_KINDS[row.kind]
    if source is None:
        scene.lacks = (Kept.NO_AUTOSCALER, await _why_none(scene, row))
        log.warning("%s: %s", canary, scene.lacks[1])
        return
    name = autoscaler_of(reference)

    def wish(now: Object | None) -> Object | None:
        if now is not None and ownership(canary, now) in {Ownership.LEAVING, Ownership.EARLIER}:
            return None  # its own controller or the garbage collector is at it: it is made once that is gone
        if now is not None and not is_made(canary, now):
            raise InvalidError(
                f"{row.kind} {canary.namespace}/{name} exists and is not {canary}'s, which needs this name for its "
                "primary's: delete it, or take spec.autoscalerRef away to keep your own"
            )
        return wanted_autoscaler(row, canary, reference, source, now)

    live = await scene.wired.cluster.find(kind, name, canary.namespace)
    if live is None or wish(live) is not None:
        await scene.writer.bring(kind, name, canary.namespace, wish, watched=False)


async def to_rest(scene: Scene) -> None:
    """Take the canary's pods away, and have its autoscaler leave it so. Idempotent."""
    row = autoscaler_for(scene.canary)
    if row is not None and row.rests:
        with suppress(NotFoundError):
            await _change(scene, row, wake=False)
    await scene.rest()


async def wake(scene: Scene) -> None:
    """Have the target's autoscaler scale it from now on; returns when its controller has seen that. Idempotent.

    Before that it may take away the pods that the target is given.
    """
    row = autoscaler_for(scene.canary)
    if row is None or not row.rests:
        return
    try:
        now = await _change(scene, row, wake=True)
    except NotFoundError:
        return
    loop = asyncio.get_running_loop()
    end = loop.time() + WAKES_WITHIN
    while not row.awake(now) and loop.time() < end:
        scene.writer.check()
        await asyncio.sleep(LOOK)
        now = await _source(scene, row) or now


async def fence_out_autoscaler(scene: Scene) -> None:
    """Make writes of the previous holder fail: one that paused it in the middle of a release would take pods away."""
    row, reference = autoscaler_for(scene.canary), scene.canary.spec.autoscaled
    if row is not None and row.rests and reference is not None:
        kind = AUTOSCALER_KINDS[row.kind]
        await scene.writer.mark(kind, reference.name, scene.canary.namespace, watched=False)


async def _change(scene: Scene, row: Autoscaler, *, wake: bool) -> Object:
    canary, reference = scene.canary, scene.canary.spec.autoscaled
    name = reference.name if reference else ""
    wish = row.woken if wake else row.rested
    return await scene.writer.change(AUTOSCALER_KINDS[row.kind], name, canary.namespace, wish, watched=False)


async def _source(scene: Scene, row: Autoscaler) -> Object | None:
    """The target's autoscaler."""
    reference = scene.canary.spec.autoscaled
    name = reference.name if reference else ""
    return await scene.wired.cluster.find(AUTOSCALER_KINDS[row.kind], name, scene.canary.namespace)


async def _why_none(scene: Scene, row: Autoscaler) -> str:
    reference = scene.canary.spec.autoscaled
    named = f"spec.autoscalerRef names {row.kind} {reference.name if reference else ''}"
    try:
        await scene.wired.cluster.resource_for(row.api_version, row.kind)
    except NotFoundError:
        return (
            f"{named}, and the cluster has no such kind ({row.api_version}): install its controller, or name an "
            "autoscaler of another kind; until then nothing scales the primary"
        )
    return f"{named}, which does not exist: apply it, or take spec.autoscalerRef away; until then nothing scales the primary"
