"""Gives the policies the versions that git keeps out, and takes away those that a person has let in."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable

from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, IMAGE_POLICY, KUSTOMIZATION
from blocks.kubernetes.tenants import tenant
from sluice.errors import ConflictError, InvalidError, NotFoundError, SluiceError
from sluice.images.quarantine import ANNOTATION, RELEASE, KeptOut, released, together, written
from sluice.images.reference import same_repository
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.kustomizations.health_checks import releases
from tasks.images.writing.delivery import Wishes

log = logging.getLogger("sluice.reconcile")


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
    """Let the Canary that rolled a version back try it once more, in whichever cluster it is."""
    namespace, slash, name = one.why.partition(": ")[0].partition("/")
    if not slash or " " in name:
        return
    await _forget(wired.cluster, namespace, name, one)
    for region in Kustomization.valid(await wired.cluster.list(KUSTOMIZATION)):
        named = {(each.namespace, each.name) for each in releases(region, ())}
        if region.spec.kube_config is None or (namespace, name) not in named:
            continue
        try:
            async with tenant(wired, region) as cluster:
                await _forget(cluster, namespace, name, one)
        except SluiceError as error:
            log.warning("the cluster of %s does not know that %s may be tried again: %s", region, one.image, error)


async def _forget(cluster: Cluster, namespace: str, name: str, one: KeptOut) -> None:
    """Have a Canary's journal forget that it has refused a version."""
    found = await cluster.find(CANARY, name, namespace)
    if found is None:
        return
    with contextlib.suppress(InvalidError, NotFoundError, ConflictError):
        canary = Canary.parse(found)
        status = canary.status
        version = status.begun_with.version if status.begun_with else one.image.tag
        if status.phase is Phase.FAILED and version in {one.image.tag, one.image.digest.removeprefix("sha256:")[:12]}:
            fence = {"resourceVersion": canary.metadata.resource_version}
            body = {"metadata": fence, "status": {"lastAppliedSpec": status.last_promoted_spec}}
            await cluster.patch(CANARY, canary.name, canary.namespace, body, subresource="status")
