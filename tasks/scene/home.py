"""The way home: all traffic to the primary, and never from pods that serve to pods that do not."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.journal import entry
from sluice.rollout.safety.way_home import why_not_home
from sluice.rollout.strategies.base import HOME
from tasks.scene.rollout_ref import Scene
from tasks.scene.tend import tend

Object = dict[str, Any]


async def go_home(scene: Scene) -> None:
    """Give all traffic to the primary, and make sure that it has it. Idempotent.

    Raises:
        TransientError: it cannot take it yet, as the Canary says then, or something else writes the route.
    """
    canary, router = scene.canary, scene.router
    weight = await router.weight(canary)
    if weight is None:
        if await _tended(scene) is None:
            return
    elif weight:
        await check_able(scene, weight)
    await _turn_home(scene)
    await scene.shift(HOME)
    left = await router.weight(canary)
    if left:
        said = (
            f"{left} % of the traffic is on the canary although the route was given back: see who else writes the route"
        )
        await say(scene, said)
        raise TransientError(f"{canary}: {said}")


async def say(scene: Scene, message: str) -> None:
    """Write into the Canary what a release waits for, once for each sentence."""
    phase = scene.canary.status.phase or Phase.PROGRESSING
    known = scene.canary.status.condition("Promoted")
    if known is None or known.message != message:
        await scene.write(entry(scene.canary, time.time(), phase, message))


async def _tended(scene: Scene) -> Object | None:
    """The primary, with all that leads to it made again where it was deleted; None where the target is gone too."""
    try:
        return await tend(scene)
    except NotFoundError:
        return None


async def _turn_home(scene: Scene) -> None:
    """Put right what leads users home, where somebody has turned it to other pods: the target's are about to be taken away.

    Raises:
        TransientError: it stays there, for the primary has no pod that serves.
    """
    try:
        target = await scene.canaries.target(scene.canary)
    except NotFoundError:
        return
    with suppress(InvalidError, TransientError):  # users come home also where something else of it cannot be put right
        await scene.ensure_services(target, apex=not scene.router.apex)
    turned = await scene.turned(target)
    if turned:
        said = (
            f"users are where somebody has turned Service {' and '.join(sorted(turned))} to, and {scene.canary.primary} has "
            "no pod that serves: waiting for one"
        )
        await say(scene, said)
        raise TransientError(f"{scene.canary}: {said}")


async def check_able(scene: Scene, weight: int) -> None:
    """Refuse to give users back to a primary that cannot take them.

    Args:
        weight: the canary's, percent, as the route has it now.

    Raises:
        TransientError: it cannot yet, as the Canary says then.
    """
    canary = scene.canary
    primary = await scene.canaries.primary(canary) or await _tended(scene)
    wanted = scene.workload.reads.pods(primary) if primary else 1
    offered = await scene.services.endpoints(canary, Side.PRIMARY)
    now = await scene.services.users_meet(canary, Side.CANARY)
    why = why_not_home(weight, len(offered), wanted, len(now))
    if why:
        pods = await scene.canaries.why_not_ready(canary, primary) if primary else "the primary is gone"
        said = f"traffic stays on the canary: {why}: {pods}"
        await say(scene, said)
        raise TransientError(f"{canary}: {said}")
