"""The copies of a Canary's target: the primary that serves users, and the baseline that a canary may be compared with.

The baseline is not the primary itself: that one's pods are older, and what a process does in its first minutes (caches,
connections, compilers) would count against the canary.
"""

from __future__ import annotations

import copy
from typing import Any

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import LABEL_LENGTH, Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import MANAGED_BY, REVISION_ANNOTATION, owner_of, selector_label
from sluice.rollout.template.selecting import OwnPods
from sluice.rollout.workloads.base import Object, Workload, merged

BASELINE_OF = "sluice.dev/baseline-of"
"""On the baseline's pod template: the revision that it is compared with, so that each release has new pods."""


def primary_copy(workload: Workload, canary: Canary, target: Object, pods: int) -> Object:
    """The workload that serves users: the target's spec under its own name and labels, never frozen."""
    made = _copy(workload, canary, target, target, Side.PRIMARY)
    made["metadata"]["annotations"] = {REVISION_ANNOTATION: workload.revision(canary, target)}
    return _scaled(workload, made, pods)


def baseline_copy(
    workload: Workload, canary: Canary, target: Object, primary: Object, pods: int, revision: str
) -> Object:
    """The workload that the canary is compared with: the primary's present template under its own name and label.

    Args:
        target: of the Canary; its label tells what the baseline's may be.
        revision: what is compared with it.
    """
    made = _copy(workload, canary, target, primary, Side.BASELINE)
    meta = made["spec"]["template"]["metadata"]
    meta["annotations"] = {**(meta.get("annotations") or {}), BASELINE_OF: revision}
    return _scaled(workload, made, pods)


def stand_in(canary: Canary, primary: Object) -> Object:
    """A target that is gone, as its primary tells it: enough for what leads users to the primary, and for nothing else."""
    label, own = selector_label(primary)
    value = own.removesuffix(f"-{Side.PRIMARY}")
    selector: Object = copy.deepcopy(primary["spec"]["selector"])
    OwnPods(label, frozenset({own}), value, canary.namespace).select(selector)
    return {
        "apiVersion": primary.get("apiVersion"),
        "kind": primary["kind"],
        "metadata": {"name": canary.target, "namespace": canary.namespace},
        "spec": {"selector": selector},
    }


def original_template(target: Object, template: Object, side: Side) -> Object:
    """The template of which that of a copy was made: the target's, where its revision says so.

    Args:
        template: of the copy's pods.
    """
    label, value = selector_label(target)
    result = copy.deepcopy(template)
    OwnPods(label, frozenset({f"{value}-{side}"}), value, target["metadata"]["namespace"]).place(result["spec"])
    meta = result.setdefault("metadata", {})
    meta["labels"] = {**(meta.get("labels") or {}), label: value}
    return result


def baseline_of(baseline: Object | None) -> str:
    """The revision that a baseline's pods are compared with; empty where there is no baseline."""
    template = (baseline or {}).get("spec", {}).get("template", {})
    return str((template.get("metadata", {}).get("annotations") or {}).get(BASELINE_OF, ""))


def _copy(workload: Workload, canary: Canary, target: Object, source: Object, side: Side) -> Object:
    label, value = selector_label(target)
    own = f"{value}-{side}"
    _check_length(canary, target, label, value)
    spec = workload.writes.plain(source)
    # The source may be a copy itself, and one that was made before its affinities were rewritten.
    before = frozenset({value, spec["selector"]["matchLabels"].get(label, value)})
    pods = OwnPods(label, before, own, canary.namespace)
    pods.select(spec["selector"])
    pods.place(spec["template"]["spec"])
    meta: dict[str, Any] = spec["template"].setdefault("metadata", {})
    meta["labels"] = {**(meta.get("labels") or {}), label: own}
    meta.pop("creationTimestamp", None)
    labels = {
        k: v for k, v in (source["metadata"].get("labels") or {}).items() if not k.startswith("kustomize.toolkit.")
    }
    return {
        "apiVersion": workload.api_version,
        "kind": workload.kind,
        "metadata": {
            "name": f"{canary.target}-{side}",
            "namespace": canary.namespace,
            "labels": {**labels, label: own, **MANAGED_BY},
            "ownerReferences": [owner_of(canary)],
        },
        "spec": spec,
    }


def _check_length(canary: Canary, target: Object, label: str, value: str) -> None:
    """Refuse a label whose copies would be too long, before any of them is made."""
    longest = LABEL_LENGTH - len(f"-{Side.BASELINE if canary.compared else Side.PRIMARY}")
    if len(value) > longest:
        raise InvalidError(
            f"{target['kind']} {target['metadata']['name']}: spec.selector.matchLabels.{label} has {len(value)} characters, "
            f"and the copies' pods have -primary or -baseline after it, {LABEL_LENGTH} at most in all: use a "
            f"{target['kind']} whose label has {longest} at most"
        )


def _scaled(workload: Workload, made: Object, pods: int) -> Object:
    return merged(made, workload.writes.scaled(made, pods) or {})
