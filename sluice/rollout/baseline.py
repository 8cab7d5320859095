"""The baseline of a release: fresh pods of what the primary runs, as many as the canary's, with as much of the traffic.

Not the primary itself: its pods are older, and what a process does in its first minutes (caches, connections, compilers)
would count against the canary.
"""

from __future__ import annotations

import copy
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import MANAGED_BY, owner_of, selector_label

Object = dict[str, Any]
BASELINE_OF = "sluice.dev/baseline-of"
"""On the baseline's pod template: the revision that it is compared with, so that each release has new pods."""


def baseline_deployment(canary: Canary, target: Object, primary: Object, replicas: int, revision: str) -> Object:
    """The workload: the primary's present template under its own name and label.

    Args:
        target: of the Canary; its label tells what the baseline's may be.
        revision: what is compared with it.
    """
    label, value = selector_label(target)
    own = f"{value}-baseline"
    spec = copy.deepcopy(primary["spec"])
    spec["replicas"] = replicas
    spec.pop("paused", None)
    spec["selector"]["matchLabels"][label] = own
    meta = spec["template"]["metadata"]
    meta["labels"] = {**meta.get("labels", {}), label: own}
    meta["annotations"] = {**(meta.get("annotations") or {}), BASELINE_OF: revision}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": canary.baseline,
            "namespace": canary.namespace,
            "labels": {**primary["metadata"].get("labels", {}), label: own, **MANAGED_BY},
            "ownerReferences": [owner_of(canary)],
        },
        "spec": spec,
    }


def baseline_of(baseline: Object | None) -> str:
    """The revision that a baseline's pods are compared with; empty where there is no baseline."""
    template = (baseline or {}).get("spec", {}).get("template", {})
    return str((template.get("metadata", {}).get("annotations") or {}).get(BASELINE_OF, ""))
