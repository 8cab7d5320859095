"""Gives the policies the versions that git keeps out, and takes away those that a person has let in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from blocks.connections import Connections
from blocks.kubernetes.kinds import CANARY, IMAGE_POLICY
from sluice.errors import ConflictError, InvalidError, NotFoundError
from sluice.images.quarantine import ANNOTATION, RELEASE, KeptOut, released, together, written
from sluice.images.reference import same_repository
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.writing.delivery import Wishes


async def learn(
    wired: Connections, automation: ImageUpdateAutomation, in_git: Iterable[KeptOut], wishes: Wishes
) -> None:
    """Write each policy's annotation where git, or a person, says something else.

    After git was written: what is lost on the way here is found again there.
    """
    known = list(in_git)
    for key, wish in wishes.items():
        theirs = [one for one in known if wish.image and same_repository(one.image.name, wish.image.name)]
        all_of_them = together(wish.kept_out, theirs)
        standing = [one for one in all_of_them if not released(one, wish.release)]
        if standing == list(wish.kept_out) and not wish.release:
            continue
        for one in wish.kept_out:
            if one not in standing:
                await _may_try_again(wired, one)
        notes = {ANNOTATION: written(standing) or None} | ({RELEASE: None} if wish.release else {})
        meta = {"annotations": notes, "resourceVersion": wish.version}
        # Where somebody was faster, the next run compares again.
        with contextlib.suppress(NotFoundError, ConflictError):
            await wired.cluster.patch(IMAGE_POLICY, key.partition(":")[2], automation.namespace, {"metadata": meta})


async def _may_try_again(wired: Connections, one: KeptOut) -> None:
    """Let the Canary that rolled a version back try it once more: its journal forgets that it has refused it."""
    namespace, slash, name = one.why.partition(": ")[0].partition("/")
    found = await wired.cluster.find(CANARY, name, namespace) if slash and " " not in name else None
    if found is None:
        return
    with contextlib.suppress(InvalidError, NotFoundError, ConflictError):
        canary = Canary.parse(found)
        status = canary.status
        version = status.begun_with.version if status.begun_with else one.image.tag
        if status.phase is Phase.FAILED and version in {one.image.tag, one.image.digest.removeprefix("sha256:")[:12]}:
            fence = {"resourceVersion": canary.metadata.resource_version}
            body = {"metadata": fence, "status": {"lastAppliedSpec": status.last_promoted_spec}}
            await wired.cluster.patch(CANARY, canary.name, canary.namespace, body, subresource="status")
