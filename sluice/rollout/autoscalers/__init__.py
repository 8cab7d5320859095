"""Autoscalers: what scales a target, and its primary by a copy. A new kind is a file here and a row in this table."""

from __future__ import annotations

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.autoscalers.base import Autoscaler
from sluice.rollout.autoscalers.horizontal_pod_autoscaler import HorizontalPodAutoscaler
from sluice.rollout.autoscalers.scaled_object import ScaledObject

AUTOSCALERS: dict[str, Autoscaler] = {row.kind: row for row in (HorizontalPodAutoscaler(), ScaledObject())}
"""By `spec.autoscalerRef.kind` of a Canary."""


def autoscaler_for(canary: Canary) -> Autoscaler | None:
    """The row of the autoscaler that a Canary names; None where it names none, or one that is reported as not acted on."""
    reference = canary.spec.autoscaled
    return AUTOSCALERS.get(reference.kind) if reference else None
