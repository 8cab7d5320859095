"""Unpolled: policies whose ImageRepository nobody here looks at say so on themselves, with the way out."""

from __future__ import annotations

from collections.abc import Iterable

from blocks.connections import connections
from blocks.kubernetes.kinds import IMAGE_POLICY, IMAGE_REPOSITORY
from sluice.images import record
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.references import SourceKey
from tasks.images.statuses import moment, write
from tasks.upkeep.left_out import is_settled, why_left_out

NOT_READY = "DependencyNotReady"
"""Flux's word for it."""


async def say_unpolled(repository: SourceKey, policies: Iterable[ImagePolicy]) -> None:
    """Have policies that are not suspended say why nobody looks at what they choose from, where nobody does.

    Raises:
        TerminalError, TransientError: the cluster refuses us, or does not answer.
    """
    cluster, field = connections().cluster, "spec.imageRepositoryRef"
    if why := await why_left_out(cluster, IMAGE_REPOSITORY, ImageRepository, repository, field):
        for one in policies:
            if not one.spec.suspend and is_settled(one):
                await write(IMAGE_POLICY, one, record.wrong(one, why, moment(), NOT_READY))
