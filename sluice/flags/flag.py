"""A feature flag as its service has it: its kind, and in each environment what users get of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

TRUE, FALSE = "true", "false"
"""The two values of a boolean flag, as all services and `Served` write them."""


class FlagKind(StrEnum):
    """What a flag decides."""

    BOOLEAN = "boolean"
    """Whether something is done."""
    VARIANT = "variant"
    """Which of several things is done: its values are the keys of its variants."""


class Served(BaseModel):
    """Who gets what of a flag in one environment.

    Attributes:
        everybody: the value that each user gets: `true`, `false` or a variant's key. None where it is
            split, where it depends on rules, or where the value is the default in the code that asks (a flag that is off
            without a value of its own).
        shares: percent by value of the users whom no rule catches, where not everybody gets one value; empty where that is
            not known.
        rules: whether some users get another value than the rest, by a segment or a condition.
    """

    model_config = ConfigDict(frozen=True)
    everybody: str | None = None
    shares: Mapping[str, float] = Field(default_factory=dict)
    rules: bool = False

    @property
    def share(self) -> float | None:
        """Percent of users for whom a boolean flag is true, in a percentage rollout; None where there is none."""
        return self.shares.get(TRUE)

    def __str__(self) -> str:
        if self.everybody is not None:
            return f"{self.everybody} for everybody"
        if self.shares:
            return ", ".join(f"{percent:g} % {value}" for value, percent in self.shares.items())
        return "by rules" if self.rules else "the default in the code"


class FlagState(BaseModel):
    """A flag in one environment.

    Attributes:
        enabled: the switch of the flag as the service has it. A flag whose switch is off may still serve some users.
        served: who gets what.
        since: when that state began; None where the service does not say.
        version: opaque; a write names the one that it was decided on, and is refused where there is another one now.
        switched_off: whether sluice turned it off for everybody and what was before is still there to be restored.
    """

    model_config = ConfigDict(frozen=True)
    enabled: bool
    served: Served = Served()
    since: datetime | None = None
    version: str = ""
    switched_off: bool = False


class Flag(BaseModel):
    """One flag of a service.

    Attributes:
        key: by which code asks for it.
        kind: what it decides.
        environments: its state by environment, only of those that were asked for.
        variants: the keys of its variants; empty for a boolean flag.
        archived: whether its service keeps it only as history.
        description: in its owner's words.
        created_at: None where the service does not say.
        tags: as the service has them; `key=value` for labels and metadata.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    kind: FlagKind = FlagKind.BOOLEAN
    environments: Mapping[str, FlagState] = Field(default_factory=dict)
    variants: tuple[str, ...] = ()
    archived: bool = False
    description: str = ""
    created_at: datetime | None = None
    tags: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """What it can give to a user."""
        return (TRUE, FALSE) if self.kind is FlagKind.BOOLEAN else self.variants


class Turn(StrEnum):
    """What may be asked of a flag."""

    ON = "on"
    """Everybody gets the value: `true`, or the variant that the wish names."""
    OFF = "off"
    """Nobody gets it: a boolean flag is false for everybody, a variant flag is disabled. Its rules and shares are kept."""
    RESTORE = "restore"
    """What `OFF` covered is served again, as it was."""
    SHARE = "share"
    """So many percent of the users get the value, the others do not."""


class Wish(BaseModel):
    """How a flag is to be turned.

    Attributes:
        turn: which way.
        share: percent of users, for `SHARE`.
        value: the variant that is turned on or shared out; empty for `true` of a boolean flag.
        rest: the variant that the other users get, for `SHARE` of a variant flag.
        enabled: what the switch was before, for `RESTORE`.
    """

    model_config = ConfigDict(frozen=True)
    turn: Turn
    share: float = Field(default=100.0, ge=0, le=100)
    value: str = ""
    rest: str = ""
    enabled: bool = True

    def __str__(self) -> str:
        value = f" {self.value}" if self.value else ""
        return f"{self.share:g} %{value}" if self.turn is Turn.SHARE else f"{self.turn}{value}"


OFF = Wish(turn=Turn.OFF)
"""The kill switch."""


def restored(before: FlagState) -> Wish:
    """The wish that gives back what `OFF` covered; `before` is the state that it was turned off from."""
    return Wish(turn=Turn.RESTORE, enabled=before.enabled)
