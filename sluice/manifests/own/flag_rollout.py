"""sluice's own `FlagRollout` (`sluice.dev/v1alpha1`): a flag's percentage, raised step by step while its users fare well.

The analysis is a Canary's: the same steps, metrics, gates and thresholds. The status is the journal: what a worker that
takes over has to know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from sluice.manifests.conditions import Condition
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.own.flag_service import FlagServiceReference


class RaisePhase(StrEnum):
    """Where a FlagRollout is."""

    NEW = ""
    """Nothing was done yet."""
    PROGRESSING = "Progressing"
    """The share is raised step by step."""
    FINISHING = "Finishing"
    """All steps have passed: everybody gets it."""
    LOWERING = "Lowering"
    """A step failed: the share goes back to what it was before the rollout."""
    SUCCEEDED = "Succeeded"
    """Everybody has it."""
    FAILED = "Failed"
    """The share is what it was before the rollout."""
    STOPPED = "Stopped"
    """Somebody else changed the flag, or it is gone: sluice leaves it as it is."""


OVER = frozenset({RaisePhase.SUCCEEDED, RaisePhase.FAILED, RaisePhase.STOPPED})
"""Phases in which nothing is to be done until the manifest changes."""


class Split(ForeignModel):
    """How users of the flag are divided in metrics, where the application writes that."""

    label: str = "variant"
    """Label of the series; where no series has it, what comes after a step is judged, and said to be so."""
    on: str = "true"
    """Its value for users who get the flag's value."""
    off: str = "false"
    """Its value for the others, who are the control."""


class FlagRolloutSpec(ForeignModel):
    """What a FlagRollout asks for."""

    flag: str = Field(min_length=1)
    """Key of the flag."""
    service: FlagServiceReference
    environment: str = ""
    """Empty for the last one of `service.environments`."""
    value: str = ""
    """The variant that is shared out; empty for `true` of a boolean flag."""
    rest: str = ""
    """The variant that all others get, where the flag has more than two."""
    split: Split = Split()
    metrics_server: str = ""
    """Address of the metrics' provider; empty for the installation's own."""
    progress_deadline_seconds: int = Field(default=600, gt=0)
    """How long a step may wait after its interval, for data or for a provider, before it fails."""
    analysis: CanaryAnalysis
    suspend: bool = False
    """Nothing is raised, and nothing lowered."""


class FlagRolloutStatus(ForeignModel):
    """The journal. `wanted` is written before the flag is turned, `share` and `version` after it.

    `base` is the version of the flag that `wanted` was decided on: a flag that has another one, and another share, was
    changed by somebody else.
    """

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    phase: RaisePhase = RaisePhase.NEW
    step: int = -1
    """Index of the step; -1 before the first."""
    began: float = 0.0
    """Percent of users that had it before the rollout: what a failed one goes back to."""
    began_at: float = 0.0
    """When its first step was decided, seconds since the epoch: evidence is counted from there."""
    wanted: float | None = None
    base: str = ""
    share: float | None = None
    version: str = ""
    step_started: float = 0.0
    failed_checks: int = 0
    judged: str = ""
    """How metrics are split: `split by variant`, `before/after`."""
    message: str = ""
    evidence: dict[str, Any] | None = None


class FlagRollout(Manifest):
    """A progressive rollout of one flag, without any deploy."""

    api_version: ClassVar[str] = "sluice.dev/v1alpha1"
    kind: ClassVar[str] = "FlagRollout"
    plural: ClassVar[str] = "flagrollouts"
    spec: FlagRolloutSpec
    status: FlagRolloutStatus = FlagRolloutStatus()

    @property
    def environment(self) -> str:
        """In which environment the flag is raised."""
        return self.spec.environment or self.spec.service.environments[-1]

    @property
    def fresh(self) -> bool:
        """Whether the manifest changed since the journal was begun: what was over begins from the start."""
        return self.status.phase in OVER and self.status.observed_generation != self.metadata.generation

    @property
    def due(self) -> bool:
        """Whether there is something to do."""
        return not self.spec.suspend and (self.status.phase not in OVER or self.fresh)
