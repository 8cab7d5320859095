"""Kubernetes' own autoscaler. It leaves a workload alone that has no replicas, so nothing has to be paused at rest."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.manifests.flagger.autoscaler_reference import AutoscalerReference
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.autoscalers.base import Object, aimed_at_primary


@dataclass(frozen=True, slots=True)
class HorizontalPodAutoscaler:
    """The rules of `autoscaling/v2`."""

    api_version: str = "autoscaling/v2"
    kind: str = "HorizontalPodAutoscaler"
    plural: str = "horizontalpodautoscalers"
    rests: bool = False

    def copied(self, canary: Canary, reference: AutoscalerReference, source: Object) -> Object:
        return aimed_at_primary(canary, reference, source, "minReplicas", "maxReplicas")

    def rested(self, source: Object) -> Object | None:
        return None

    def woken(self, source: Object) -> Object | None:
        return None

    def awake(self, source: Object) -> bool:
        return True
