"""`flagger.app/v1beta1` Canary: how one workload is released.

Field names, meanings and defaults are Flagger's (docs.flagger.app), so that manifests mean here what they meant there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from sluice.durations import Duration
from sluice.manifests.flagger.autoscaler_reference import COPIED, AutoscalerReference
from sluice.manifests.flagger.canary_metric import CanaryMetric, ObjectReference
from sluice.manifests.flagger.canary_status import CanaryStatus
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from sluice.manifests.flagger.comparison import BASELINE_UP_TO, AnalysisComparison
from sluice.manifests.flagger.kill_switch import KillSwitch
from sluice.manifests.meta import ForeignModel, Manifest


class GatewayReference(ForeignModel):
    """A Gateway to attach the route to."""

    name: str
    namespace: str = ""
    section_name: str | None = None
    group: str = "gateway.networking.k8s.io"
    kind: str = "Gateway"


class CanaryService(ForeignModel):
    """The Services and the route that users reach the application by."""

    name: str = ""
    """Name of the Service; the target's where empty."""
    port: int = Field(ge=1, le=65535)
    port_name: str = "http"
    target_port: int | str | None = None
    """Port of the container; `port` where not given."""
    app_protocol: str = ""
    gateway_refs: tuple[GatewayReference, ...] = ()
    hosts: tuple[str, ...] = ()


LABEL_LENGTH = 63
"""Characters of a label's value, and of a Service's name, at most: both are DNS labels."""
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

NoData = Literal["hold", "extend", "fail", "pass"]
"""Hold the weight until there is data, at most `progressDeadlineSeconds`; hold it for one more interval, then go on; count a
failed check, as Flagger does; go on."""


class CanaryAnalysis(ForeignModel):
    """How fast traffic shifts and what the new version is judged by."""

    interval: Duration = 60.0
    """Length of one step, seconds."""
    threshold: int = 1
    """Failed checks that roll the release back."""
    max_weight: int = Field(default=0, ge=0, le=100)
    """Highest weight of the canary before promotion, percent; 0 means 100."""
    step_weight: int = Field(default=0, ge=0, le=100)
    step_weights: tuple[int, ...] = ()
    """Explicit weights of the steps, percent, rising; the last one is the highest."""
    primary_ready_threshold: int = Field(default=100, ge=0, le=100)
    canary_ready_threshold: int = Field(default=100, ge=0, le=100)
    metrics: tuple[CanaryMetric, ...] = ()
    webhooks: tuple[CanaryWebhook, ...] = ()
    # Sluice's own; Flagger does not know them.
    pace: Literal["interval", "auto"] = "interval"
    """`auto`: a step ends as soon as the evidence is sure that every counted metric keeps its objective, and is held while
    the primary breaks it alike; it has `interval` at most. `interval`: it lasts so long."""
    interleave: bool = False
    """Bet on odd and even scrapes apart, for a canary that fails in bursts longer than a scrape: about two times slower."""
    early_fail: bool = True
    """Roll a revision back in the middle of a step where the evidence against it is overwhelming."""
    on_no_data: NoData = "hold"
    """What a step comes to at whose end too little was measured."""
    min_requests: int = Field(default=1, ge=1)
    """Requests in a metric's window below which nothing counts as measured."""
    comparison: AnalysisComparison | None = None
    """Compare the canary with a baseline of its own, and score it; no step may have a weight over 50."""
    kill_switch: KillSwitch | None = None
    """Turn the flags off that came with a bad revision before it is rolled back, and keep it where that helps."""
    iterations: int | None = Field(default=None, ge=0)
    """Blue/green: so many intervals have to pass without users before all of them are switched at once."""
    # Flagger's further strategies: accepted by the schema, reported, not acted on yet.
    match: tuple[dict[str, Any], ...] | None = None
    mirror: bool | None = None
    mirror_weight: int | None = None
    step_weight_promotion: int | None = None
    session_affinity: dict[str, Any] | None = None
    alerts: tuple[dict[str, Any], ...] | None = None
    reported: ClassVar[frozenset[str]] = frozenset(
        {
            "match",
            "mirror",
            "mirrorWeight",
            "stepWeightPromotion",
            "sessionAffinity",
            "alerts",
            "primaryReadyThreshold",
        }
    )

    @model_validator(mode="after")
    def _rising(self) -> CanaryAnalysis:
        weights = self.step_weights
        if any(not 0 < weight <= 100 for weight in weights):
            raise ValueError("stepWeights must lie between 1 and 100")
        if any(later <= earlier for earlier, later in pairwise(weights)):
            raise ValueError("stepWeights must rise")
        if self.iterations and self.match:
            raise ValueError(
                "iterations with match is A/B testing, which sluice cannot do yet: take match away for blue/green, "
                "or set stepWeight instead of iterations"
            )
        if not self.weights and not self.iterations:
            raise ValueError("set stepWeight or stepWeights for a weighted canary, or iterations for blue/green")
        return self

    @model_validator(mode="after")
    def _comparable(self) -> CanaryAnalysis:
        if self.comparison is None:
            return self
        if self.iterations:
            raise ValueError(
                "analysis.comparison compares users' requests, and blue/green has none: take one of them away"
            )
        over = [weight for weight in self.weights if weight > BASELINE_UP_TO]
        if over:
            now, then = (
                ("stepWeights end at", "stepWeights up to") if self.step_weights else ("maxWeight is", "maxWeight to")
            )
            raise ValueError(
                f"analysis.{now} {over[-1]}, but with analysis.comparison the baseline gets as much traffic as the canary: "
                f"set {then} {BASELINE_UP_TO} or less, or take comparison away"
            )
        if not any(metric.is_counted for metric in self.metrics):
            raise ValueError("analysis.comparison needs a metric that is counted in requests: add request-success-rate")
        for metric in self.metrics:
            if not metric.is_counted and {"weight", "critical"} & metric.model_fields_set:
                raise ValueError(f"metric {metric.name} has a weight or is critical, but is not counted in requests")
        return self

    @property
    def weights(self) -> tuple[int, ...]:
        """The canary's weight at each step, percent, before promotion; none where the manifest has no weights."""
        if self.step_weights or not self.step_weight:
            return self.step_weights
        highest = self.max_weight or 100
        steps = list(range(self.step_weight, highest + 1, self.step_weight))
        # A highest weight that is no multiple of the step is Flagger's last step all the same.
        return tuple(steps) if steps and steps[-1] == highest else (*steps, highest)

    @property
    def failures_allowed(self) -> int:
        """Failed checks that roll the release back: Flagger reads a threshold of 0 or less as 1."""
        return max(1, self.threshold)


class CanarySpec(ForeignModel):
    """What a user asks for."""

    provider: str = ""
    target_ref: ObjectReference
    service: CanaryService
    analysis: CanaryAnalysis | None = None
    """Missing only where `skipAnalysis` says that a new revision is promoted without one."""
    skip_analysis: bool = False
    suspend: bool = False
    progress_deadline_seconds: float = Field(default=600.0, ge=0)
    metrics_server: str = ""
    """Prometheus of this Canary; the installation's where empty."""
    autoscaler_ref: AutoscalerReference | None = None
    upstream_ref: ObjectReference | None = None
    ingress_ref: ObjectReference | None = None
    route_ref: ObjectReference | None = None
    revert_on_deletion: bool | None = None
    reported: ClassVar[frozenset[str]] = frozenset({"upstreamRef", "ingressRef", "routeRef"})

    @model_validator(mode="after")
    def _says_whether_it_is_judged(self) -> CanarySpec:
        """Flagger's definition of the kind requires an analysis: one that is misspelt must not promote whatever comes."""
        if self.analysis is None and not self.skip_analysis:
            raise ValueError(
                "analysis is missing, so that nothing would judge a new revision: write it, or skipAnalysis: true where "
                "just that is meant"
            )
        return self

    @property
    def autoscaled(self) -> AutoscalerReference | None:
        """The autoscaler that is copied for the primary; None where there is none, or of a kind that is not copied."""
        found = self.autoscaler_ref
        return found if found and found.kind in COPIED else None

    def unsupported(self, path: str = "") -> Iterator[str]:
        yield from super().unsupported(path)
        if self.autoscaler_ref and not self.autoscaled:
            yield f"{path}.autoscalerRef" if path else "autoscalerRef"


class Canary(Manifest):
    """One workload and how it is released."""

    api_version: ClassVar[str] = "flagger.app/v1beta1"
    kind: ClassVar[str] = "Canary"
    plural: ClassVar[str] = "canaries"
    spec: CanarySpec
    status: CanaryStatus = Field(default_factory=CanaryStatus)

    @model_validator(mode="after")
    def _has_names_for_its_parts(self) -> Canary:
        """What the API server would refuse only when half of it is made."""
        field = "spec.service.name" if self.spec.service.name else "spec.targetRef.name, the Service's name too,"
        longest = LABEL_LENGTH - len("-baseline" if self.compared else "-primary")
        if len(self.service_name) > longest:
            raise ValueError(
                f"{field} is {self.service_name!r}, {len(self.service_name)} characters, and the Services of the release "
                f"have -primary, -canary or -baseline after it: set spec.service.name to one of {longest} characters at most"
            )
        if not SERVICE_NAME.fullmatch(self.service_name):
            raise ValueError(
                f"{field} is {self.service_name!r}, which no Service can be named: set spec.service.name to lower-case "
                "letters, digits and dashes, a letter first"
            )
        return self

    def unsupported(self, path: str = "") -> Iterator[str]:
        yield from super().unsupported(path)
        yield from self.elsewhere()

    def elsewhere(self) -> Iterator[str]:
        """The paths of the namespaces that are set and not acted on: target and autoscaler are sought next to the Canary."""
        for name, named in (("targetRef", self.spec.target_ref), ("autoscalerRef", self.spec.autoscaled)):
            if named and named.namespace not in {"", self.namespace}:
                yield f"spec.{name}.namespace"

    def webhooks(self, type_: str) -> tuple[CanaryWebhook, ...]:
        """Its webhooks of one type, in their order."""
        analysis = self.spec.analysis
        return tuple(one for one in analysis.webhooks if one.type == type_) if analysis else ()

    @property
    def target(self) -> str:
        """Name of the workload that users change: the canary."""
        return self.spec.target_ref.name

    @property
    def primary(self) -> str:
        """Name of the workload that serves users."""
        return f"{self.target}-primary"

    @property
    def baseline(self) -> str:
        """Name of the workload that the canary is compared with, where it is."""
        return f"{self.target}-baseline"

    @property
    def compared(self) -> bool:
        """Whether the canary is compared with a baseline of its own."""
        return self.analysed and self.spec.analysis is not None and self.spec.analysis.comparison is not None

    @property
    def service_name(self) -> str:
        """Name of the Service; with `-primary`, `-canary` and `-baseline` the names of its parts."""
        return self.spec.service.name or self.target

    @property
    def ready_threshold(self) -> int:
        """Share of the canary's pods that have to serve before it gets traffic, percent."""
        return self.spec.analysis.canary_ready_threshold if self.spec.analysis else 100

    @property
    def analysed(self) -> bool:
        """Whether a new revision has to prove itself."""
        return self.spec.analysis is not None and not self.spec.skip_analysis
