"""Flux's Kustomization (`kustomize.toolkit.fluxcd.io/v1`): a directory of a source that is applied to the cluster.

Field names and defaults: Flux's kustomize-controller API, v1. Not to be confused with `kustomization.yaml`, the input
of the kustomize program.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.flux.rendering import PostBuild
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import SourceKey, SourceReference

GROUP = "kustomize.toolkit.fluxcd.io"
RECONCILE_ANNOTATION = f"{GROUP}/reconcile"
"""`disabled` on an object: leave it alone."""
PRUNE_ANNOTATION = f"{GROUP}/prune"
"""`disabled` as label or annotation on an object: never delete it."""


class CommonMetadata(ForeignModel):
    """Labels and annotations that all applied objects get."""

    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class KustomizeImage(ForeignModel):
    """A change of an image's name, tag or digest, as in `kustomization.yaml`."""

    name: str
    new_name: str = ""
    new_tag: str = ""
    digest: str = ""


class KustomizePatch(ForeignModel):
    """A strategic merge or JSON patch, as in `kustomization.yaml`."""

    patch: str
    target: dict[str, Any] | None = None


class KustomizationSpec(ForeignModel):
    """What a Kustomization asks for. Everything that is not named here is reported."""

    reported: ClassVar[frozenset[str]] = frozenset({"retryInterval"})
    vital: ClassVar[frozenset[str]] = frozenset({"kubeConfig", "serviceAccountName", "decryption"})
    """Where one of these is set, nothing is applied: it would go to the wrong cluster, or with too many rights, or not be
    what was meant."""
    source_ref: SourceReference
    path: str = ""
    """Directory in the source; empty for its root."""
    prune: bool
    """Delete what an earlier revision applied and this one no longer has."""
    target_namespace: str = ""
    name_prefix: str = ""
    name_suffix: str = ""
    common_metadata: CommonMetadata = CommonMetadata()
    patches: tuple[KustomizePatch, ...] = ()
    images: tuple[KustomizeImage, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    """Leave out a component that the source has not."""
    post_build: PostBuild | None = None
    build_metadata: tuple[str, ...] = ()
    """What kustomize notes on each object of where it comes from, such as `originAnnotations`."""
    suspend: bool = False
    interval: Duration = 600.0
    retry_interval: Duration | None = None
    timeout: Duration | None = None
    """Seconds that one sync may take; no limit where it is not given."""


class InventoryEntry(ForeignModel):
    """One applied object."""

    id: str
    """`<namespace>_<name>_<group>_<kind>`."""
    v: str
    """The API version within the group."""


class Inventory(ForeignModel):
    """All objects that the last sync applied."""

    entries: tuple[InventoryEntry, ...] = ()


class KustomizationStatus(ForeignModel):
    """What sluice has done for a Kustomization."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    last_applied_revision: str = ""
    last_attempted_revision: str = ""
    inventory: Inventory = Inventory()


class Kustomization(Manifest):
    """A directory of a source, applied."""

    api_version: ClassVar[str] = f"{GROUP}/v1"
    kind: ClassVar[str] = "Kustomization"
    plural: ClassVar[str] = "kustomizations"
    spec: KustomizationSpec
    status: KustomizationStatus = KustomizationStatus()

    @property
    def source(self) -> SourceKey:
        """The source that it follows."""
        return self.spec.source_ref.key(self.namespace)
