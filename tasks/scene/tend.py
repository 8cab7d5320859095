"""Tend: bring what a Canary brings forth (primary, Services, route) to its manifest and its journal, losing no request.

Called before traffic is moved, and whenever somebody changed or deleted one of them. Where nothing differs nothing is
written and nothing is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.needs import needs_primary
from sluice.rollout.objects import check_made
from sluice.rollout.services import service_of
from sluice.rollout.strategies.base import HOME
from sluice.rollout.tending.conditions import Kept
from sluice.rollout.workloads.copies import stand_in
from tasks.scene.autoscaler import tend_autoscaler, to_rest
from tasks.scene.primary import tend_primary
from tasks.scene.rollout_ref import Scene

Object = dict[str, Any]
LOOK, TURNED_LOOK = 0.1, 0.5
"""Seconds between looks at what the primary offers; where a Service is turned elsewhere its pods are asked for each time."""
ENDED = frozenset({Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED})
SERVES_WITHIN = 30.0
"""Seconds that a primary may take to offer its first pod, at one go: who tends it tries again."""


async def tend(scene: Scene) -> Object:
    """Bring all of it to what it is to be, and return the primary. Idempotent.

    The sides' Services first, then a primary that serves, then what leads users there: the apex Service and the route. A
    Service that somebody has turned to other pods comes last too: its users have no others until then.
    At rest the traffic is put back home too, and a target that somebody made again or scaled has no pods; under way both are
    the run's.

    Where the target is gone, its users stay on the primary, which is left as it is, and what leads them there is kept.

    Raises:
        NotFoundError: target and primary are gone.
        InvalidError: an object of somebody else has one of its names; the message says which.
        TransientError: the primary does not serve yet, or an object is on its way out that has to be gone first.
    """
    canary = scene.canary
    before = await scene.canaries.primary(canary)
    try:
        target = await scene.canaries.target(canary)
    except NotFoundError:
        if before is None:
            raise
        return await _without_target(scene, before)
    refused = await _refused(scene, scene.ensure_services(target))
    primary = await tend_primary(scene, target)
    unscaled = await _refused(scene, tend_autoscaler(scene))
    await _lead(scene, target, primary, made=before is None)
    if fault := refused or unscaled:
        raise fault
    if not is_under_way(scene):
        await _to_rest(scene, target)
    await _check_canary_turned(scene, target)
    return primary


async def _refused(scene: Scene, act: Awaitable[object]) -> InvalidError | None:
    """Do what may be refused because of somebody else's object, and return why it was: users who are the Canary's already
    cannot wait for their primary and their route until somebody has cleared the way. Before there are any it is raised."""
    try:
        await act
    except InvalidError as error:
        if needs_primary(scene.canary):
            raise
        return error
    return None


async def _without_target(scene: Scene, primary: Object) -> Object:
    check_made(scene.canary, primary)
    gone = f"{scene.workload.kind} {scene.canary.target} is gone"
    said = f"{gone}: its users stay on {scene.canary.primary}; apply it again, or delete the Canary"
    scene.lacks = (Kept.TARGET_GONE, said)
    target = stand_in(scene.canary, primary)
    await scene.ensure_services(target)
    await _lead(scene, target, primary)
    return primary


async def _lead(scene: Scene, target: Object, primary: Object, *, made: bool = False) -> None:
    """Bring about what leads users to the Canary's sides: at rest all of them to the primary, once it serves.

    Args:
        made: the primary was made just now.
    """
    canary = scene.canary
    weight = await scene.router.weight(canary)
    astray = weight is None or (weight > 0 and not is_under_way(scene))
    turned = await scene.turned(target)
    if turned or ((made or astray) and canary.status.phase is not Phase.PROMOTING):
        await until_primary_serves(scene, primary, target, TURNED_LOOK if turned else LOOK)
        await _note_turned(scene, target)
    await scene.ensure_way_in(target)
    if astray and not is_under_way(scene) and await scene.router.weight(canary):
        await scene.router.shift(canary, HOME)


async def _note_turned(scene: Scene, target: Object) -> None:
    """Have people read which Services stay where somebody has turned them, for good."""
    turned = await scene.turned(target)
    if turned:
        names = ", ".join(f"Service {name}" for name in sorted(turned))
        said = f"{names} leads to pods that somebody has chosen, and stays so while {scene.canary.primary} has no pods"
        scene.lacks = (Kept.TURNED, said)


async def _check_canary_turned(scene: Scene, target: Object) -> None:
    """Come back soon to a canary's Service that stays where somebody has turned it, because the target has no pod to serve
    the users that it has.

    Raises:
        TransientError: it does.
    """
    met = bool(await scene.router.weight(scene.canary))
    name = service_of(scene.canary, Side.CANARY)
    if met and name in await scene.services.held(scene.canary, target, apex=False, met=met):
        raise TransientError(
            f"Service {name} leads to pods that somebody has chosen, and stays so while {scene.canary.target} has none that "
            "serve"
        )


async def _to_rest(scene: Scene, target: Object) -> None:
    """The target without pods, where it holds what the journal is about: else it is the next release's."""
    canary, workload = scene.canary, scene.workload
    ended = canary.status.phase in ENDED and not needs_primary(canary)
    known = {canary.status.last_promoted_spec, canary.status.last_applied_spec}
    if not ended or not workload.writes.scaled(target, 0) or workload.revision(canary, target) not in known:
        return
    if await scene.services.endpoints(canary, Side.PRIMARY):  # else its pods may be all that is left
        await to_rest(scene)


def is_under_way(scene: Scene) -> bool:
    """Whether a run has to bring the Canary to an end: then the traffic is its own."""
    phase = scene.canary.status.phase
    return phase is None or phase.in_progress


async def until_primary_serves(scene: Scene, primary: Object, target: Object, look: float = LOOK) -> None:
    """Return when the primary offers a pod at least: nobody is sent to one that has none.

    A Service that somebody has turned to other pods is put right as soon as the primary has one.

    Raises:
        TransientError: it did not in time; the message says why in the pods' own words.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + SERVES_WITHIN
    while not await scene.services.endpoints(scene.canary, Side.PRIMARY):
        if scene.workload.writes.scaled(primary, 0) is None:
            return  # somebody has scaled it to zero: it is not ours to wake
        scene.writer.check()
        if loop.time() > end:
            why = await scene.canaries.why_not_ready(scene.canary, primary)
            raise TransientError(f"{scene.canary.primary} does not serve: {why}; the traffic stays where it is")
        await asyncio.sleep(look)
        await scene.ensure_services(target)
