"""The past of a workload: the templates that it had before, as its controller keeps them.

A primary that somebody deletes is made again from what was promoted. Where the target holds another revision by then, its
own history still has that template (`kubectl rollout undo` goes by the same one), up to `spec.revisionHistoryLimit`. One
that was deleted and made again has a history of its own that begins then: a primary's says what was copied to it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sluice.manifests.flagger.side import Side
from sluice.rollout.workloads.base import Object, Workload
from sluice.rollout.workloads.copies import original_template

OF_A_POD = "pod-template-hash"
"""Label that a Deployment's controller puts on each ReplicaSet and its pods."""


@dataclass(frozen=True, slots=True)
class Past:
    """The kind of object that keeps a workload's templates."""

    api_version: str
    kind: str
    plural: str
    template: Callable[[Object], Object]


def _of_replica_set(item: Object) -> Object:
    template: Object = copy.deepcopy(item["spec"]["template"])
    (template.get("metadata", {}).get("labels") or {}).pop(OF_A_POD, None)
    return template


def _of_controller_revision(item: Object) -> Object:
    template: Object = copy.deepcopy(item["data"]["spec"]["template"])
    template.pop("$patch", None)
    return template


PAST: dict[str, Past] = {
    "Deployment": Past("apps/v1", "ReplicaSet", "replicasets", _of_replica_set),
    "DaemonSet": Past("apps/v1", "ControllerRevision", "controllerrevisions", _of_controller_revision),
}
"""By the workload's kind."""


def with_template(target: Object, template: Object) -> Object:
    """The target as it was: no state that it has now, so what is remembered of its generation does not hold for it."""
    return {
        **target,
        "metadata": {**target["metadata"], "generation": 0},
        "spec": {**target["spec"], "template": template},
    }


def as_it_was(
    workload: Workload, target: Object, revision: str, kept: Iterable[Object], primary: Object | None = None
) -> Object | None:
    """The target with the template of a revision that it had; None where its history no longer has it.

    Args:
        kept: objects of the kind in `PAST`; those that neither of the two owns are passed over.
        primary: its copy, whose history is searched too: a template is what its revision says, wherever it is found.
    """
    past = PAST[workload.kind]
    for item in kept:
        if _owns(target, item):
            template = past.template(item)
        elif primary is not None and _owns(primary, item):
            template = original_template(target, past.template(item), Side.PRIMARY)
        else:
            continue
        then = with_template(target, template)
        if revision in workload.names(then):
            return then
    return None


def _owns(workload: Object, item: Object) -> bool:
    owners = item["metadata"].get("ownerReferences") or []
    return any(one.get("uid") == workload["metadata"].get("uid") for one in owners)
