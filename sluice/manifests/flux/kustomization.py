"""Flux's Kustomization (`kustomize.toolkit.fluxcd.io/v1`): a directory of a source that is applied to the cluster.

Field names and defaults: Flux's kustomize-controller API, v1. Not to be confused with `kustomization.yaml`, the input
of the kustomize program.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.flux.kube_config import KubeConfigReference
from sluice.manifests.flux.rendering import Decryption, PostBuild
from sluice.manifests.ignoring import IgnoreRule
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import SourceKey, SourceReference

GROUP = "kustomize.toolkit.fluxcd.io"
RECONCILE_ANNOTATION = f"{GROUP}/reconcile"
"""`disabled` on an object: leave it alone."""
PRUNE_ANNOTATION = f"{GROUP}/prune"
"""`disabled` as label or annotation on an object: never delete it."""
FINALIZER = "finalizers.fluxcd.io"
"""Flux's own: what it and sluice have applied does not outlive its Kustomization unless somebody wants that."""
REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""Annotation with any new value: sync now. The `flux` command sets it."""
LEAST_TIMEOUT = 30.0


class DeletionPolicy(StrEnum):
    """What becomes of what a Kustomization applied when it is deleted."""

    MIRROR_PRUNE = "MirrorPrune"
    """Deleted where `spec.prune` is set, else left."""
    DELETE = "Delete"
    WAIT_FOR_TERMINATION = "WaitForTermination"
    """Deleted, and the Kustomization stays until all of it is gone."""
    ORPHAN = "Orphan"
    """Left as it is."""


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


class Dependency(ForeignModel):
    """A Kustomization that has to be ready first."""

    name: str
    namespace: str = ""
    """Empty for the namespace of the one that depends on it."""
    ready_expr: str = ""
    """CEL over `self` and `dep`, in place of the look at its Ready condition."""


class HealthCheck(ForeignModel):
    """An object that has to be ready before the Kustomization is."""

    api_version: str = ""
    kind: str
    name: str
    namespace: str = ""


class HealthCheckExpressions(ForeignModel):
    """How to read whether objects of a kind are ready: CEL over the fields of the object."""

    api_version: str
    kind: str
    current: str
    in_progress: str = ""
    failed: str = ""


class KustomizationSpec(ForeignModel):
    """What a Kustomization asks for. Everything that is not named here is reported."""

    vital: ClassVar[frozenset[str]] = frozenset()
    """Where one of these is set, nothing is applied: there is none left that sluice does not know."""
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
    kube_config: KubeConfigReference | None = None
    """The cluster that the objects are for; the Kustomization's own where it is not given."""
    service_account_name: str = ""
    """Of the Kustomization's namespace: with whose rights they are applied."""
    decryption: Decryption | None = None
    post_build: PostBuild | None = None
    build_metadata: tuple[str, ...] = ()
    """What kustomize notes on each object of where it comes from, such as `originAnnotations`."""
    suspend: bool = False
    interval: Duration = 600.0
    retry_interval: Duration | None = None
    """Seconds until a sync that failed is tried again; the interval where it is not given."""
    timeout: Duration | None = None
    """Seconds for what is applied, and once more for the health checks; see `KustomizationSpec.patience`."""
    deletion_policy: DeletionPolicy = DeletionPolicy.MIRROR_PRUNE
    depends_on: tuple[Dependency, ...] = ()
    health_checks: tuple[HealthCheck, ...] = ()
    health_check_exprs: tuple[HealthCheckExpressions, ...] = ()
    wait: bool = False
    """Ready only when all that was applied is; then `healthChecks` says nothing more."""
    force: bool = False
    """Objects with fields that cannot be changed are deleted and made again."""
    ignore: tuple[IgnoreRule, ...] = ()
    """Fields that stay as they are in the cluster: an autoscaler's replicas, an annotation of somebody else."""

    @property
    def patience(self) -> float:
        """Seconds that health checks may take: the timeout, else a little less than the interval, as in Flux."""
        return max(LEAST_TIMEOUT, self.timeout if self.timeout is not None else self.interval - LEAST_TIMEOUT)

    @property
    def deletes(self) -> bool:
        """Whether what it applied is deleted with it. One that is suspended leaves all as it is, as in Flux."""
        if self.suspend or self.deletion_policy is DeletionPolicy.ORPHAN:
            return False
        return self.prune or self.deletion_policy is not DeletionPolicy.MIRROR_PRUNE

    @property
    def retried_after(self) -> float:
        """Seconds until a sync that failed is tried again."""
        return self.interval if self.retry_interval is None else self.retry_interval


class InventoryEntry(ForeignModel):
    """One applied object."""

    id: str
    """`<namespace>_<name>_<group>_<kind>`."""
    v: str
    """The API version within the group."""


class Inventory(ForeignModel):
    """All objects that the last sync applied."""

    entries: tuple[InventoryEntry, ...] = ()


class Snapshot(ForeignModel):
    """What was rendered once, and how applying it ended."""

    digest: str
    """Of the objects as rendered."""
    first_reconciled: str
    last_reconciled: str
    last_reconciled_duration: str
    last_reconciled_status: str
    """The reason of the Ready condition."""
    total_reconciliations: int
    metadata: dict[str, str] = Field(default_factory=dict)


class KustomizationStatus(ForeignModel):
    """What sluice has done for a Kustomization."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    last_applied_revision: str = ""
    last_applied_origin_revision: str = ""
    """What an OCI artifact says it was made from."""
    last_attempted_revision: str = ""
    last_handled_reconcile_at: str = ""
    """The newest request (`reconcile.fluxcd.io/requestedAt`) that was answered."""
    inventory: Inventory = Inventory()
    history: tuple[Snapshot, ...] = ()
    """Newest first."""


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

    @property
    def leaving(self) -> bool:
        """Whether somebody has deleted it, and it waits for what it applied to be cleaned up."""
        return bool(self.metadata.deletion_timestamp)

    @property
    def asked(self) -> str:
        """The request to sync it now that is not answered yet; empty where there is none."""
        wish = self.metadata.annotations.get(REQUESTED_AT, "")
        return "" if wish == self.status.last_handled_reconcile_at else wish
