"""`spec.autoscalerRef` of a Canary: what scales its target, and the primary by a copy."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.manifests.meta import ForeignModel

COPIED = "HorizontalPodAutoscaler"
"""The kind that sluice copies."""


class ScalerReplicas(ForeignModel):
    """How few and how many pods the primary's autoscaler may give it, instead of the target's."""

    min_replicas: int | None = Field(default=None, ge=1)
    max_replicas: int | None = Field(default=None, ge=1)


class AutoscalerReference(ObjectReference):
    """The autoscaler of the target; the primary gets a copy of it."""

    primary_scaler_replicas: ScalerReplicas | None = None
    primary_scaler_queries: dict[str, str] | None = None
    reported: ClassVar[frozenset[str]] = frozenset({"primaryScalerQueries"})
