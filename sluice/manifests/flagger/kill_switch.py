"""`spec.analysis.killSwitch` of a Canary, and `status.flags`: sluice's own, Flagger does not know them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel, without_nothing
from sluice.manifests.own.flag_service import FlagServiceReference
from sluice.manifests.references import SourceReference


class CommitTrailers(ForeignModel):
    """Where the commits of an application are: its `Flag:` trailers name the flags that came with a revision."""

    source_ref: SourceReference
    """A GitRepository with the code of the application, in the Canary's namespace where none is given."""


class KillSwitch(ForeignModel):
    """Before a revision that the judge finds bad is rolled back, the flags that came with it are turned off.

    The weight stays meanwhile. Where the evidence recovers the release goes on with the flags off, else it is rolled back.
    """

    service: FlagServiceReference
    """Which service has the flags; that it is named is what allows sluice to turn them off."""
    environment: str = ""
    """In which of the service's environments; may be left out where it has one."""
    flags: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), max_length=50)
    """Keys of flags that came with the revision, besides those that the annotation `sluice.dev/flags` names."""
    trailers: CommitTrailers | None = None
    """Those in the `Flag:` trailers of the commits between the primary's image and the canary's count too."""
    within: Annotated[Duration, Field(gt=0, le=600)] | None = None
    """How long users may wait for the evidence to recover; 30 s where not given, four scrapes where those come rarely."""

    @model_validator(mode="after")
    def _one_environment(self) -> KillSwitch:
        known = self.service.environments
        if self.environment and self.environment not in known:
            raise ValueError(
                f"killSwitch.environment is {self.environment!r}, which killSwitch.service.environments does not have: "
                f"name one of {', '.join(known)}"
            )
        if not self.environment and len(known) != 1:
            raise ValueError(
                "killSwitch.service has several environments: set killSwitch.environment to the one that this Canary's "
                "users meet"
            )
        if self.service.read_only:
            raise ValueError(
                "killSwitch.service.readOnly is set, so no flag could be turned off: take one of them away"
            )
        return self

    @property
    def meets(self) -> str:
        """The environment whose flags the Canary's users meet."""
        return self.environment or self.service.environments[0]


class SwitchState(StrEnum):
    """How far a kill switch has come in the release under way."""

    SWITCHING = "switching"
    """The intent is written: each flag is off, or is about to be."""
    WATCHING = "watching"
    """The flags are off, and the evidence is watched."""
    RECOVERED = "recovered"
    """The release has gone on with the flags off."""
    NOT_RECOVERED = "not recovered"
    """It is rolled back."""


class NamedFlag(ForeignModel):
    """A flag that came with the revision, and what says so."""

    key: str
    by: str = ""


class FailingMetric(ForeignModel):
    """What was counted of a metric that broke its objective."""

    name: str
    requests: int
    bad: int


class SwitchedFlag(ForeignModel):
    """A flag that was turned off, or is about to be, with what gives it back."""

    key: str
    service: dict[str, Any] = Field(default_factory=dict)
    """Where it is: what the manifest said of its service by then."""
    environment: str
    before: dict[str, Any] = Field(default_factory=dict)
    """Its state before."""
    after: dict[str, Any] = Field(default_factory=dict)
    """Its state when it was off; empty where no answer of the service is known."""
    revision: str = ""
    """Which revision it came with."""
    version: str = ""
    """What people call that revision."""
    at: float = 0.0
    """When the intent was written, seconds since the epoch."""

    @property
    def reference(self) -> FlagServiceReference:
        """Its service."""
        return FlagServiceReference.model_validate(self.service)


class FlagsStatus(ForeignModel):
    """The journal of the kill switch: `status.flags`."""

    revision: str = ""
    """Which revision of the target all but `off` is about."""
    named_at: float = 0.0
    """When annotations and commits were read, seconds since the epoch; 0 before."""
    named: tuple[NamedFlag, ...] = ()
    """Flags that the target's annotations and the commits of its image name."""
    silent: str = ""
    """Why the commits name none, where they were to be asked."""
    state: SwitchState | None = None
    """Empty as long as nothing was turned off."""
    reason: str = ""
    """What the judge said, and since it did not recover also what became of that."""
    since: float = 0.0
    """When the flags were off, by the clock of the metrics' provider: the evidence begins there."""
    until: float = 0.0
    """When it has to have recovered."""
    failing: tuple[FailingMetric, ...] = ()
    """Each metric that broke its objective by then."""
    off: tuple[SwitchedFlag, ...] = ()
    """Flags that are off, or may be, by sluice's hand; over releases, until they are given back."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_the_default(cls, status: Any) -> Any:
        return without_nothing(status, "state")

    def of(self, revision: str) -> FlagsStatus:
        """What it says of a revision; of another one nothing but which flags are off."""
        return self if self.revision == revision else FlagsStatus(revision=revision, off=self.off)
