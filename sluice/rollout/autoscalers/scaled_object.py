"""KEDA's ScaledObject (`keda.sh/v1alpha1`), which scales from and to zero: at rest it is paused, as with Flagger."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from sluice.manifests.flagger.autoscaler_reference import AutoscalerReference
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.autoscalers.base import Object, aimed_at_primary
from sluice.rollout.objects import BEFORE

PAUSED = "autoscaling.keda.sh/paused-replicas"
"""KEDA's annotation: hold the target at so many replicas."""


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """The rules of a ScaledObject."""

    api_version: str = "keda.sh/v1alpha1"
    kind: str = "ScaledObject"
    plural: str = "scaledobjects"
    rests: bool = True

    def copied(self, canary: Canary, reference: AutoscalerReference, source: Object) -> Object:
        """The HPA that KEDA makes of each has a name of its own, also where the target's names one."""
        spec = aimed_at_primary(canary, reference, source, "minReplicaCount", "maxReplicaCount")
        made = (spec.get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}
        if made.get("name"):
            made["name"] = f"{made['name']}-primary"
        for trigger in spec.get("triggers") or []:
            _ask_for_primary(canary, reference, trigger)
        return spec

    def rested(self, source: Object) -> Object | None:
        notes = source["metadata"].get("annotations") or {}
        known = notes.get(PAUSED)
        if known == "0":
            return None
        # Its owner may have paused it at another number: that comes back with the next release.
        remembered = {} if known is None else {BEFORE: json.dumps({PAUSED: known})}
        return {"metadata": {"annotations": {PAUSED: "0", **remembered}}}

    def woken(self, source: Object) -> Object | None:
        notes = source["metadata"].get("annotations") or {}
        if notes.get(PAUSED) != "0":
            return None
        return {"metadata": {"annotations": {PAUSED: _owners(notes), BEFORE: None}}}

    def awake(self, source: Object) -> bool:
        conditions = (source.get("status") or {}).get("conditions") or []
        return not any(one.get("type") == "Paused" and one.get("status") == "True" for one in conditions)


def _owners(notes: dict[str, Any]) -> str | None:
    """At what its owner had it paused; None where nobody had."""
    try:
        known = json.loads(notes.get(BEFORE) or "{}")
    except ValueError:
        return None
    return known.get(PAUSED) if isinstance(known, dict) else None


def _ask_for_primary(canary: Canary, reference: AutoscalerReference, trigger: Object) -> None:
    """Have a trigger ask about the primary: by the query of its name, or by one that names it instead of the target."""
    metadata: dict[str, Any] = trigger.get("metadata") or {}
    queries = reference.primary_scaler_queries
    if queries is not None:
        if trigger.get("name") in queries:
            metadata["query"] = queries[trigger["name"]]
            trigger["metadata"] = metadata
    elif "query" in metadata:
        # Not in the middle of a word, and once: `shop`, `shop-canary` and `shop-primary` are all `shop-primary`.
        named = rf"(?<![A-Za-z0-9-]){re.escape(canary.target)}(-canary|-primary)?(?![A-Za-z0-9])"
        metadata["query"] = re.sub(named, lambda _: canary.primary, metadata["query"])
