"""Whether the canary's Service offers its pods: asked right before users are given to it."""

from __future__ import annotations

from sluice.errors import TransientError
from sluice.manifests.flagger.side import Side
from sluice.rollout.services import service_of
from tasks.scene.rollout_ref import Scene


async def check_offers(scene: Scene) -> None:
    """Refuse to give users to a canary whose Service has no pod of it: they may be ready, and nobody is led to them.

    Raises:
        InvalidError: the Service is somebody else's; the message says whose, and the way out.
        TransientError: it offers none, because somebody has just deleted it or turned it to other pods.
    """
    canary = scene.canary
    await scene.services.check_side(canary, Side.CANARY)
    if not await scene.services.endpoints(canary, Side.CANARY):
        name = service_of(canary, Side.CANARY)
        raise TransientError(
            f"Service {canary.namespace}/{name} offers no ready pod of {canary.target}: it gets no traffic"
        )
