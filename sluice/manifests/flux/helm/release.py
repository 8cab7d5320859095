"""Flux's HelmRelease (`helm.toolkit.fluxcd.io/v2`): a chart with values, released into the cluster and kept there.

Field names and defaults: Flux's helm-controller API, v2.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from sluice.durations import Duration
from sluice.manifests.flux.helm.acts import Install, Rollback, Strategy, Test, Uninstall, Upgrade, UpgradeRemediation
from sluice.manifests.flux.helm.acts import Remediation as Remedy
from sluice.manifests.flux.helm.chart import ChartTemplate
from sluice.manifests.flux.helm.status import HelmReleaseStatus
from sluice.manifests.flux.kube_config import KubeConfigReference
from sluice.manifests.flux.kustomization import CommonMetadata, HealthCheckExpressions, KustomizeImage, KustomizePatch
from sluice.manifests.ignoring import IgnoreRule
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import SourceKey, SourceReference

GROUP = "helm.toolkit.fluxcd.io"
FINALIZER = "finalizers.fluxcd.io"
DRIFT_ANNOTATION = f"{GROUP}/driftDetection"
"""`disabled` as label or annotation on an object: it is not looked at."""
REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
FORCE_AT = "reconcile.fluxcd.io/forceAt"
RESET_AT = "reconcile.fluxcd.io/resetAt"
DEFAULT_TIMEOUT = 300.0


class Dependency(ForeignModel):
    """Another HelmRelease that has to be ready first."""

    name: str
    namespace: str = ""
    ready_expr: str = ""
    """CEL over `self` and `dep`, in place of the dependency's Ready condition."""


class ValuesReference(ForeignModel):
    """A ConfigMap or Secret with values."""

    kind: Literal["ConfigMap", "Secret"]
    name: str
    values_key: str = "values.yaml"
    target_path: str = ""
    """Where one value goes, as `helm --set` writes it; empty where the key has a whole YAML document."""
    literal: bool = False
    """The value is put in as it is, and not read as `--set` would read it."""
    optional: bool = False


class KustomizeRenderer(ForeignModel):
    """Patches and images over what the chart renders."""

    patches: tuple[KustomizePatch, ...] = ()
    images: tuple[KustomizeImage, ...] = ()


class PostRenderer(ForeignModel):
    """What is done to what the chart renders."""

    kustomize: KustomizeRenderer | None = None


class DriftDetection(ForeignModel):
    """Whether what was changed by hand is looked for, and put right."""

    mode: Literal["", "enabled", "warn", "disabled"] = ""
    ignore: tuple[IgnoreRule, ...] = ()

    @property
    def looks(self) -> bool:
        """Whether it is looked for."""
        return self.mode in {"enabled", "warn"}


class WaitStrategy(ForeignModel):
    """How helm finds out that objects are ready."""

    name: Literal["poller", "legacy"]


class HelmReleaseSpec(ForeignModel):
    """What a HelmRelease asks for. Everything that is not named here is reported."""

    chart: ChartTemplate | None = None
    chart_ref: SourceReference | None = None
    interval: Duration
    kube_config: KubeConfigReference | None = None
    service_account_name: str = ""
    suspend: bool = False
    release_name: str = Field("", max_length=53)
    target_namespace: str = ""
    storage_namespace: str = ""
    depends_on: tuple[Dependency, ...] = ()
    timeout: Duration = DEFAULT_TIMEOUT
    max_history: int = 5
    """Revisions that helm keeps; 0 for no limit."""
    persistent_client: bool | None = None
    """`false` asks for a client of its own for each act, which each run of helm has here; `true` permits to share one."""
    drift_detection: DriftDetection = DriftDetection()
    install: Install = Install()
    upgrade: Upgrade = Upgrade()
    test: Test = Test()
    rollback: Rollback = Rollback()
    uninstall: Uninstall = Uninstall()
    values_from: tuple[ValuesReference, ...] = ()
    values: dict[str, Any] = Field(default_factory=dict)
    common_metadata: CommonMetadata | None = None
    post_renderers: tuple[PostRenderer, ...] = ()
    post_render_strategy: Literal["", "nohooks", "combined", "separate"] = ""
    wait_strategy: WaitStrategy | None = None
    health_check_exprs: tuple[HealthCheckExpressions, ...] = ()
    """How to read whether objects of a kind are ready, where an act waits for them with the strategy `poller`."""

    @field_validator("values", mode="before")
    @classmethod
    def _no_values(cls, value: object) -> object:
        return {} if value is None else value

    @model_validator(mode="after")
    def _one_chart(self) -> Self:
        if (self.chart is None) == (self.chart_ref is None):
            raise ValueError("exactly one of chart and chartRef has to be set")
        return self


class HelmRelease(Manifest):
    """A chart, released."""

    api_version: ClassVar[str] = f"{GROUP}/v2"
    kind: ClassVar[str] = "HelmRelease"
    plural: ClassVar[str] = "helmreleases"
    spec: HelmReleaseSpec
    status: HelmReleaseStatus = HelmReleaseStatus()

    @property
    def chart(self) -> SourceKey:
        """The object that its chart comes from: an OCIRepository, or a HelmChart, which may be one that is made for it."""
        if self.spec.chart_ref:
            return self.spec.chart_ref.key(self.namespace)
        assert self.spec.chart is not None  # noqa: S101  # one of both, see the spec
        namespace = self.spec.chart.spec.source_ref.namespace or self.namespace
        return SourceKey("HelmChart", namespace, f"{self.namespace}-{self.name}")

    @property
    def release_namespace(self) -> str:
        """Where the chart's objects go."""
        return self.spec.target_namespace or self.namespace

    @property
    def storage_namespace(self) -> str:
        """Where helm keeps its record of the release."""
        return self.spec.storage_namespace or self.namespace

    @property
    def remediation(self) -> Remedy | UpgradeRemediation | None:
        """What follows a failure of the act that was attempted last; None where there was none."""
        acts = {"install": self.spec.install.remediation, "upgrade": self.spec.upgrade.remediation}
        return acts.get(self.status.last_attempted_release_action)

    @property
    def retry(self) -> Strategy | None:
        """The strategy of the act that was attempted last, where that is to try again."""
        acts = {"install": self.spec.install.strategy, "upgrade": self.spec.upgrade.strategy}
        found = acts.get(self.status.last_attempted_release_action)
        return found if found and found.retries else None

    @property
    def ignores_tests(self) -> bool:
        """Whether a failed test is no failure of the release."""
        remedy = self.remediation
        own = remedy.ignore_test_failures if remedy else None
        return self.spec.test.ignore_failures if own is None else own

    @property
    def failures(self) -> int:
        """Failures that count against the tries of the act that was attempted last."""
        counts = {"install": self.status.install_failures, "upgrade": self.status.upgrade_failures}
        return counts.get(self.status.last_attempted_release_action, 0)

    def asked(self, annotation: str, handled: str) -> bool:
        """Whether a person asks for something by this annotation, with a reconciliation, and it was not done yet."""
        asked = self.metadata.annotations.get(annotation, "")
        return bool(asked) and asked != handled and asked == self.metadata.annotations.get(REQUESTED_AT)
