"""A Gate that is another service: open once its Canary has promoted a version that is new enough."""

from __future__ import annotations

from pydantic import Field

from sluice.manifests.flux.kube_config import KubeConfigReference
from sluice.manifests.meta import ForeignModel


class DependencySpec(ForeignModel):
    """Which Canary, and which versions."""

    canary: str = Field(min_length=1, max_length=253)
    namespace: str = ""
    """The Gate's own where empty; others only for Gates in sluice's own namespace."""
    version: str = "*"
    """A range of semantic versions, such as `>=1.4`; `*` for any."""
    kube_config: KubeConfigReference | None = None
    """The way to another cluster, as a Kustomization has it: a Secret or ConfigMap of the Gate's namespace."""
