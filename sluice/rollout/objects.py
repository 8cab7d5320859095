"""The objects that a Canary brings forth: whose they are, and the primary, as Flagger's users know it."""

from __future__ import annotations

import copy
from typing import Any

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.revision import revision_of

Object = dict[str, Any]
SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")
"""Labels that may tell a workload's pods; the first one that its selector uses is rewritten for the primary."""
REVISION_ANNOTATION = "sluice.dev/revision"
"""On the primary: the revision whose template it was last given."""
MANAGED_BY = {"app.kubernetes.io/managed-by": "sluice"}


def owner_of(canary: Canary) -> Object:
    """The reference that makes an object go when its Canary goes."""
    return {
        "apiVersion": canary.api_version,
        "kind": canary.kind,
        "name": canary.name,
        "uid": canary.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_owned(canary: Canary, item: Object) -> bool:
    """Whether an object was brought forth by this Canary."""
    owners = item["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == canary.metadata.uid for owner in owners)


def selector_label(target: Object) -> tuple[str, str]:
    """The label that tells the target's pods from others, and its value.

    Raises:
        InvalidError: its selector uses none of the labels that sluice can rewrite.
    """
    labels = target["spec"]["selector"].get("matchLabels") or {}
    for name in SELECTOR_LABELS:
        if name in labels:
            return name, labels[name]
    raise InvalidError(
        f"Deployment {target['metadata']['name']}: spec.selector.matchLabels needs one of {', '.join(SELECTOR_LABELS)}"
    )


def primary_deployment(canary: Canary, target: Object, replicas: int) -> Object:
    """The workload that serves users: the target's spec under its own name and labels."""
    label, value = selector_label(target)
    primary_value = f"{value}-primary"
    spec = copy.deepcopy(target["spec"])
    spec["replicas"] = replicas
    spec.pop("paused", None)  # the target is held during a promotion; the primary never is
    spec["selector"]["matchLabels"][label] = primary_value
    template_meta = spec["template"]["metadata"]
    template_meta["labels"] = {**template_meta.get("labels", {}), label: primary_value}
    template_meta.pop("creationTimestamp", None)
    labels = {k: v for k, v in target["metadata"].get("labels", {}).items() if not k.startswith("kustomize.toolkit.")}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": canary.primary,
            "namespace": canary.namespace,
            "labels": {**labels, label: primary_value, **MANAGED_BY},
            "annotations": {REVISION_ANNOTATION: revision_of(target)},
            "ownerReferences": [owner_of(canary)],
        },
        "spec": spec,
    }
