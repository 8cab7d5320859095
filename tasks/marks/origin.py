"""What a revision was built from: by annotations, else by the labels of its images."""

from __future__ import annotations

from typing import Any

from blocks.connections import Connections
from blocks.kubernetes.kinds import WORKLOAD_KINDS
from blocks.registries.labels import labels_of
from sluice.errors import NotFoundError
from sluice.images.reference import parse_image
from sluice.manifests.flagger.canary import Canary
from sluice.marks.where import Origin, annotated, checked, labelled
from sluice.rollout.objects import REVISION_ANNOTATION
from sluice.rollout.revision import version_of
from sluice.rollout.workloads import workload_of

MOST_IMAGES = 5
"""Of one workload, that are asked: a pod of more has its service among the first."""
Object = dict[str, Any]


async def origin_of(wired: Connections, canary: Canary, revision: str) -> tuple[Origin, str]:
    """What a revision was built from, and what people call it.

    Raises:
        InvalidError: neither annotation nor label says it; the message says how to.
        NotFoundError: no workload has this revision any more.
        SluiceError: the cluster or the registry does not answer, or refuses.
    """
    workload, other = await _of_revision(wired, canary, revision)
    template = workload["spec"]["template"]
    notes = [(one.get("metadata") or {}).get("annotations") or {} for one in (workload, template)]
    said = annotated(canary.metadata.annotations, *notes)
    if said.repository and said.commit:
        return checked(said), version_of(workload)
    best = said
    for image in _images(workload, other)[:MOST_IMAGES]:
        labels = await labels_of(wired.cluster, wired.artifacts, canary.namespace, workload, parse_image(image))
        best = labelled(said, labels)
        if best.repository and best.commit:
            break
    return checked(best), version_of(workload)


async def _of_revision(wired: Connections, canary: Canary, revision: str) -> tuple[Object, Object | None]:
    """The workload that has the revision, and the other one of target and primary."""
    kind = WORKLOAD_KINDS[canary.spec.target_ref.kind]
    target = await wired.cluster.find(kind, canary.target, canary.namespace)
    primary = await wired.cluster.find(kind, canary.primary, canary.namespace)
    if target is not None and workload_of(canary).revision(canary, target) == revision:
        return target, primary
    given = ((primary or {}).get("metadata", {}).get("annotations") or {}).get(REVISION_ANNOTATION)
    if primary is not None and given == revision:
        return primary, target
    raise NotFoundError(f"nothing runs revision {revision} of {canary} any more")


def _images(workload: Object, other: Object | None) -> list[str]:
    """The images of the containers, first those that the other workload does not run: sidecars stay as they are."""
    images = [one["image"] for one in workload["spec"]["template"]["spec"].get("containers") or [] if one.get("image")]
    running = {
        one.get("image")
        for one in ((other or {}).get("spec") or {}).get("template", {}).get("spec", {}).get("containers", [])
    }
    return list(dict.fromkeys(sorted(images, key=lambda one: one in running)))
