"""The primary's autoscaler: the target's under its own name, as in Flagger. The target's rests while it has no pods.

The API server's own autoscaler leaves a workload alone that has no replicas, so nothing has to be paused between releases.
"""

from __future__ import annotations

import copy
from typing import Any

from sluice.manifests.flagger.autoscaler_reference import AutoscalerReference
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import MANAGED_BY, owner_of
from sluice.rollout.tending.difference import lacks

Object = dict[str, Any]


def autoscaler_of(reference: AutoscalerReference) -> str:
    """Name of the primary's autoscaler."""
    return f"{reference.name}-primary"


def primary_autoscaler(canary: Canary, reference: AutoscalerReference, source: Object) -> Object:
    """The manifest of the primary's autoscaler.

    Args:
        source: the target's, as the API server has it.
    """
    spec: Object = copy.deepcopy(source["spec"])
    spec["scaleTargetRef"] = {**spec["scaleTargetRef"], "name": canary.primary}
    own = reference.primary_scaler_replicas
    if own and own.min_replicas is not None:
        spec["minReplicas"] = own.min_replicas
    if own and own.max_replicas is not None:
        spec["maxReplicas"] = own.max_replicas
    meta = source["metadata"]
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if not k.startswith("kustomize.toolkit.")}
    return {
        "apiVersion": source["apiVersion"],
        "kind": source["kind"],
        "metadata": {
            "name": autoscaler_of(reference),
            "namespace": canary.namespace,
            "labels": {**labels, **MANAGED_BY},
            "ownerReferences": [owner_of(canary)],
        },
        "spec": spec,
    }


def wanted_autoscaler(
    canary: Canary, reference: AutoscalerReference, source: Object, live: Object | None
) -> Object | None:
    """The manifest to apply; None where the live one lacks nothing of it."""
    manifest = primary_autoscaler(canary, reference, source)
    return manifest if live is None or any(lacks(manifest, live)) else None
