"""Keep out: what a Canary rolled back is chosen by no image policy that delivers to it, and git goes back to what runs.

A rollout never waits for this: it is at its end, with the traffic at home, and `reconcile` finds what was not done. What
counts is the Canary's own journal; whatever is done here may be done again.
"""

from __future__ import annotations

import logging
from typing import Any

from blocks.connections import Connections, connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, IMAGE_POLICY, IMAGE_UPDATE_AUTOMATION, KUSTOMIZATION, WORKLOAD_KINDS
from blocks.kubernetes.tenants import tenant
from sluice.errors import SluiceError
from sluice.events.model import AutomationDue
from sluice.images.quarantine import (
    ANNOTATION,
    RELEASE,
    KeptOut,
    containers,
    instead_of,
    of_template,
    read,
    released,
    together,
    written,
)
from sluice.images.reference import ImageRef, same_repository
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.references import SourceKey
from sluice.rollout.workloads import workload_of
from sluice.sync.kustomizations.health_checks import releases
from sluice.sync.record import HEALTH_FAILED
from tasks.images.writing.wishes import policies_of
from tasks.stage import stage

log = logging.getLogger("sluice.reconcile")
Object = dict[str, Any]


@stage("keep out", run_name="keep out: {namespace}/{name}")
async def keep_out(namespace: str, name: str) -> list[AutomationDue]:
    """Keep the images of a Canary's rolled back revision out; an event for each automation whose git has to go back.

    Nothing is done where the target has moved on, or the revision was promoted since.
    """
    wired = connections()
    found = await wired.cluster.find(CANARY, name, namespace)
    return await _kept_out(wired, wired.cluster, Canary.parse(found)) if found else []


@stage("find rolled back")
async def find_rolled_back() -> list[AutomationDue]:
    """Keep out what any Canary rolled back and rests after: whatever was lost on the way is done now."""
    wired, events = connections(), []
    failed = [one for one in Canary.valid(await wired.informers.given(CANARY)) if one.status.phase is Phase.FAILED]
    for canary in failed:
        try:
            events += await _kept_out(wired, wired.cluster, canary)
        except SluiceError as error:
            log.warning("what %s rolled back is not kept out yet: %s", canary, error)
    return events + await _rolled_back_elsewhere(wired)


async def _rolled_back_elsewhere(wired: Connections) -> list[AutomationDue]:
    """What was rolled back in other clusters: their Canaries are there, and the policies that delivered to them are here.

    Those are asked for whose release a health check waits for, and failed.
    """
    events = []
    elsewhere = [one for one in await wired.informers.given(KUSTOMIZATION) if (one.get("spec") or {}).get("kubeConfig")]
    for one in Kustomization.valid(elsewhere):
        ready = find_condition(one.status.conditions, READY)
        if ready is None or ready.reason != HEALTH_FAILED:
            continue
        try:
            async with tenant(wired, one) as cluster:
                for named in releases(one, ()):
                    if found := await cluster.find(CANARY, named.name, named.namespace):
                        events += await _kept_out(wired, cluster, Canary.parse(found), one.source)
        except SluiceError as error:
            log.warning("what was rolled back in the cluster of %s is not kept out yet: %s", one, error)
    return events


async def _kept_out(
    wired: Connections, cluster: Cluster, canary: Canary, source: SourceKey | None = None
) -> list[AutomationDue]:
    """Keep it out.

    Args:
        cluster: of the Canary.
        source: that it is made of; None where that is to be found out.
    """
    entries = await _rolled_back(cluster, canary)
    if not entries:
        return []
    due: dict[str, ImageUpdateAutomation] = {}
    for automation in await _delivering(wired, canary, source):
        for policy in await policies_of(wired, automation):
            if await _keep(wired, policy, entries, canary):
                due[automation.metadata.uid] = automation
    return [_event(one, canary) for one in due.values()]


async def _rolled_back(cluster: Cluster, canary: Canary) -> list[KeptOut]:
    """The images by which the target's revision, which was rolled back, differs from what runs."""
    status, kind = canary.status, WORKLOAD_KINDS[canary.spec.target_ref.kind]
    if status.phase is not Phase.FAILED or not status.last_promoted_spec:
        return []
    target = await cluster.find(kind, canary.target, canary.namespace)
    primary = await cluster.find(kind, canary.primary, canary.namespace)
    if target is None or primary is None:
        return []
    if workload_of(canary).revision(canary, target) != status.last_applied_spec:
        return []  # somebody has moved on
    promoted = status.condition("Promoted")
    why = f"{canary.namespace}/{canary.name}: {promoted.message if promoted else 'rolled back'}"
    return of_template(containers(target), containers(primary), why)


async def _delivering(wired: Connections, canary: Canary, source: SourceKey | None) -> list[ImageUpdateAutomation]:
    """The automations that write what this Canary's target is made of.

    Those of the sources that the target was applied from; where no Kustomization says that it has applied it, those of the
    Canary's own namespace. Another team's policy for the same image is none of this Canary's business.
    """
    target = canary.spec.target_ref
    group = target.api_version.rpartition("/")[0]
    entry = f"{canary.namespace}_{target.name}_{group}_{target.kind}"
    sources = (
        {source}
        if source
        else {
            one.source
            for one in Kustomization.valid(await wired.cluster.list(KUSTOMIZATION))
            if any(each.id == entry for each in one.status.inventory.entries)
        }
    )
    automations = ImageUpdateAutomation.valid(await wired.cluster.list(IMAGE_UPDATE_AUTOMATION))
    if sources:
        return [one for one in automations if one.source in sources]
    return [one for one in automations if one.namespace == canary.namespace]


async def _keep(wired: Connections, policy: ImagePolicy, entries: list[KeptOut], canary: Canary) -> bool:
    """Whether the policy had chosen what was rolled back; from now on it does not."""
    latest, notes = policy.status.latest_ref, policy.metadata.annotations
    if latest is None:
        return False
    chosen = ImageRef(name=latest.name, tag=latest.tag, digest=latest.digest)
    known, wish = read(notes.get(ANNOTATION, "")), notes.get(RELEASE, "")
    fitting = [_known_by(one, chosen) for one in entries if same_repository(one.image.name, chosen.name)]
    new = [one for one in fitting if not released(one, wish)]
    all_of_them = together(known, new)
    if all_of_them != known:
        body = {"metadata": {"annotations": {ANNOTATION: written(all_of_them)}}}
        policy = await _patched(wired, policy, body)
        log.info("%s keeps out what %s rolled back", policy, canary)
    out = next((one for one in new if one.is_(chosen)), None)
    instead = instead_of(out, chosen) if out else None
    if instead is None:
        return False
    before = {"name": chosen.name, "tag": chosen.tag, "digest": chosen.digest or None}
    latest_ref = {"name": instead.name, "tag": instead.tag, "digest": instead.digest or None}
    await _patched(wired, policy, {"status": {"latestRef": latest_ref, "observedPreviousRef": before}}, "status")
    return True


def _known_by(one: KeptOut, chosen: ImageRef) -> KeptOut:
    """The version with its digest, where the policy knows it and the pods' template does not."""
    if one.image.digest or one.image.tag != chosen.tag:
        return one
    return one.model_copy(update={"image": one.image.model_copy(update={"digest": chosen.digest})})


async def _patched(
    wired: Connections, policy: ImagePolicy, body: Object, subresource: str | None = None
) -> ImagePolicy:
    """The policy after a fenced write: where it has chosen again since it was read, all of this is decided again."""
    fence = {"resourceVersion": policy.metadata.resource_version}
    fenced = {**body, "metadata": {**body.get("metadata", {}), **fence}}
    now = await wired.cluster.patch(IMAGE_POLICY, policy.name, policy.namespace, fenced, subresource=subresource)
    return ImagePolicy.parse(now)


def _event(automation: ImageUpdateAutomation, canary: Canary) -> AutomationDue:
    return AutomationDue(
        delivery=f"{automation.metadata.uid}/{canary.metadata.uid}/{canary.status.last_applied_spec}/"
        f"{canary.status.last_transition_time}",
        namespace=automation.namespace,
        automation=automation.name,
    )
