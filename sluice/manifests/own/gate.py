"""sluice's own `Gate` (`sluice.dev/v1alpha1`): what releases of many Canaries wait for, at which points of a rollout.

A Gate says which Canaries it is for, at which points it is asked, and by exactly one field what it is.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.own.gates.approval import ApprovalSpec
from sluice.manifests.own.gates.dependency import DependencySpec
from sluice.manifests.own.gates.metric import MetricSpec
from sluice.manifests.own.gates.soak import SoakSpec
from sluice.manifests.own.gates.suite import SuiteSpec
from sluice.manifests.own.gates.webhook import WebhookSpec
from sluice.manifests.own.gates.window import WindowSpec

GatePoint = Literal["confirm-rollout", "pre-rollout", "confirm-traffic-increase", "confirm-promotion"]
KINDS = ("approval", "dependency", "metric", "soak", "suite", "webhook", "window")
"""The fields of which a Gate has exactly one."""


class Labels(ForeignModel):
    """Which objects, by labels that they all have."""

    match_labels: dict[str, str] = Field(default_factory=dict)


class GateSpec(ForeignModel):
    """What a Gate asks for."""

    canaries: Labels = Labels()
    """Which Canaries; all where nothing is said."""
    namespaces: tuple[str, ...] = Field(default=(), max_length=500)
    """Of the Canaries: empty for the Gate's own; `*` for all. Others than its own only count in sluice's own namespace."""
    at: tuple[GatePoint, ...] = Field(default=("confirm-rollout",), min_length=1)
    """The points of a rollout at which it is asked, by the names of Flagger's webhook types."""
    suspend: bool = False
    """It has no say for as long as this is set."""
    message: str = Field(default="", max_length=500)
    """What people read where it is closed, after what it says itself."""
    approval: ApprovalSpec | None = None
    dependency: DependencySpec | None = None
    metric: MetricSpec | None = None
    soak: SoakSpec | None = None
    suite: SuiteSpec | None = None
    webhook: WebhookSpec | None = None
    window: WindowSpec | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        named = [name for name in KINDS if getattr(self, name) is not None]
        if len(named) != 1:
            says = f"has {' and '.join(named)}" if named else "has none"
            raise ValueError(f"a Gate has exactly one of {', '.join(KINDS)}; this one {says}: leave one")
        return self

    @property
    def gate_kind(self) -> str:
        """Which of the fields it has."""
        return next(name for name in KINDS if getattr(self, name) is not None)


class Gate(Manifest):
    """What releases wait for."""

    api_version: ClassVar[str] = "sluice.dev/v1alpha1"
    kind: ClassVar[str] = "Gate"
    plural: ClassVar[str] = "gates"
    spec: GateSpec

    @property
    def key(self) -> str:
        """`namespace/name`, by which records and the journal name it."""
        return f"{self.namespace}/{self.name}"
