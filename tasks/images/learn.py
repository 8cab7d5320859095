"""Gives the policies the versions that git keeps out, and takes away those that a person has let in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from blocks.connections import Connections
from blocks.kubernetes.kinds import IMAGE_POLICY
from sluice.errors import NotFoundError
from sluice.images.quarantine import ANNOTATION, RELEASE, KeptOut, released, together, written
from sluice.images.reference import same_repository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.delivery import Wishes


async def learn(
    wired: Connections, automation: ImageUpdateAutomation, in_git: Iterable[KeptOut], wishes: Wishes
) -> None:
    """Write each policy's annotation where git, or a person, says something else.

    After git was written: what is lost on the way here is found again there.
    """
    known = list(in_git)
    for key, wish in wishes.items():
        theirs = [one for one in known if wish.image and same_repository(one.image.name, wish.image.name)]
        standing = [one for one in together(wish.kept_out, theirs) if not released(one, wish.release)]
        if standing == list(wish.kept_out) and not wish.release:
            continue
        notes = {ANNOTATION: written(standing) or None} | ({RELEASE: None} if wish.release else {})
        with contextlib.suppress(NotFoundError):
            await wired.cluster.patch(
                IMAGE_POLICY,
                key.partition(":")[2],
                automation.namespace,
                {"metadata": {"annotations": notes}},
            )
