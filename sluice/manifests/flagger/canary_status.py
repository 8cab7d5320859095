"""The status of a Canary: Flagger's fields, and sluice's own after them. It is the journal of a rollout."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.manifests.flagger.kill_switch import FlagsStatus
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.meta import ForeignModel, without_nothing
from sluice.manifests.own.gate_state import GateState
from sluice.manifests.own.marked import Marked


class CanaryCondition(ForeignModel):
    """A condition as Kubernetes means it; type `Promoted`, reason = the phase."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_update_time: str = ""
    last_transition_time: str = ""


class RunEnd(ForeignModel):
    """A run of `roll_out` by its id, and its outcome."""

    run: str
    outcome: str


class BegunWith(ForeignModel):
    """What a release needs to know of the spec that it was begun by, to bring its traffic home."""

    version: str = ""
    """What people call the revision."""
    provider: str = ""
    target_ref: ObjectReference
    service: dict[str, Any] = Field(default_factory=dict)
    """`spec.service` with its `name`."""
    heard: int = 0
    """Version of the newest record about the Canary that was there: what people said up to it is of before."""


class TrackedTarget(ForeignModel):
    """A state of the target, and its revision: what has this generation holds this revision, however it reads today."""

    uid: str
    generation: int
    revision: str


class CanaryStatus(ForeignModel):
    """The journal of the rollout: Flagger's fields, and after them what sluice needs to go on after a crash."""

    phase: Phase | None = None
    canary_weight: int = 0
    iterations: int = 0
    failed_checks: int = 0
    last_applied_spec: str = ""
    """Revision that is or was last rolled out."""
    last_promoted_spec: str = ""
    """Revision that the primary runs."""
    primary_pods: int = 0
    """How many pods the primary had when the journal was last written: what it gets where somebody deletes it."""
    tracked_target: TrackedTarget | None = None
    """The target as it was when the journal was last written."""
    tracked_configs: dict[str, str] = Field(default_factory=dict)
    last_transition_time: str = ""
    conditions: tuple[CanaryCondition, ...] = ()
    step: int = -1
    """Index of the step of the plan that is under way; -1 before the first one."""
    step_started: float = 0.0
    """When that step began, seconds since the epoch: a step that a crash interrupted is not begun again."""
    rollback_reason: str = ""
    """Why the revision is being rolled back: the intent, written before the act; empty where it is not."""
    evidence: dict[str, Any] = Field(default_factory=dict)
    """The judge's state, so that evidence survives a crash."""
    begun_with: BegunWith | None = None
    """By which names the release under way was begun: the way home stays the same whatever becomes of the spec."""
    gates: tuple[GateState, ...] = ()
    """What is known of the Gates of the release under way."""
    flags: FlagsStatus = Field(default_factory=FlagsStatus)
    """The journal of the kill switch, and the flags that are off by it."""
    ends: tuple[RunEnd, ...] = ()
    """The last runs that ended, oldest first: one whose process died before it could tell its end finds it here."""

    marked: dict[str, Marked] = Field(default_factory=dict)
    """What was said outside of the last revisions, by revision. No part of the journal: nothing is decided by it."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_the_default(cls, status: Any) -> Any:
        """Flagger and other clients write an empty phase, and nulls, where there is nothing yet."""
        return without_nothing(status, "phase")

    @property
    def journal(self) -> Self:
        """What a rollout decides by: all of it but what was said outside, which is written next to it at any time."""
        return self.model_copy(update={"marked": {}})

    def condition(self, type_: str) -> CanaryCondition | None:
        """The condition of a type; None where there is none."""
        return next((one for one in self.conditions if one.type == type_), None)

    @property
    def begun(self) -> bool:
        """Whether the first step was begun; before it no user has met the canary."""
        return self.step >= 0
