"""`spec.autoscalerRef` of a Canary: what scales its target, and the primary by a copy."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.manifests.meta import ForeignModel

COPIED = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})
"""The kinds that sluice copies (`sluice.rollout.autoscalers`)."""
QUERIED = "ScaledObject"
"""The one whose triggers have queries."""


class ScalerReplicas(ForeignModel):
    """How few and how many pods the primary's autoscaler may give it, instead of the target's."""

    min_replicas: int | None = Field(default=None, ge=1)
    max_replicas: int | None = Field(default=None, ge=1)


class AutoscalerReference(ObjectReference):
    """The autoscaler of the target; the primary gets a copy of it."""

    primary_scaler_replicas: ScalerReplicas | None = None
    primary_scaler_queries: dict[str, str] | None = None
    """The primary's queries by the names of the triggers, where those that name it instead of the target would be wrong."""

    def unsupported(self, path: str = "") -> Iterator[str]:
        yield from super().unsupported(path)
        if self.primary_scaler_queries and self.kind in COPIED - {QUERIED}:
            yield f"{path}.primaryScalerQueries" if path else "primaryScalerQueries"
