"""sluice's own `Freeze` (`sluice.dev/v1alpha1`): for a time, releases go no further. What goes home is never frozen.

A release that is frozen stays where it is and is judged all the same. A Freeze of a team's namespace is for that namespace;
one in sluice's own is the platform team's, and is for the namespaces that it names.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from sluice.durations import Duration
from sluice.errors import InvalidError
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.own.gate import Labels
from sluice.manifests.own.gates.clock_times import moment
from sluice.manifests.own.gates.window import TimeZone, quoted
from sluice.manifests.references import LocalReference
from sluice.patterns import compiled

MINUTE, DAY = 60.0, 86400.0
MOST_EVENTS = 300
"""Events of a calendar that a status has room for."""


def with_offset(text: str) -> datetime | None:
    """The moment that a text names with its own offset, such as `2026-12-24T18:00:00+01:00`; None where it has none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo is not None else None


def _instant(text: str) -> str:
    if with_offset(text) is None and moment(text).date is None:
        raise ValueError(
            f'{text!r} names no day: write "2026-12-24T18:00", or with an offset "2026-12-24T18:00:00+01:00"'
        )
    return text


def _pattern(text: str) -> str:
    if text:
        try:
            compiled(text, "summary")
        except InvalidError as error:
            raise ValueError(str(error)) from error
    return text


Instant = Annotated[str, BeforeValidator(quoted), StringConstraints(max_length=40), AfterValidator(_instant)]
Pattern = Annotated[str, StringConstraints(max_length=500), AfterValidator(_pattern)]


class FreezeCalendar(ForeignModel):
    """A calendar (iCalendar, RFC 5545) by whose events releases are frozen."""

    url: str = Field(pattern=r"^(https?|webcal)://[^\s]+$", max_length=2000)
    """Of the feed. `webcal://` is https."""
    secret_ref: LocalReference | None = None
    """A Secret of the same namespace: `username` and `password`, or `token`, and `ca.crt` where its certificate needs it; or
    `url`, where the address itself is the secret."""
    summary: Pattern = ""
    """A regular expression (RE2) that the event's summary has to have in it; empty for every event."""
    categories: tuple[str, ...] = Field(default=(), max_length=50)
    """The event has to have one of these; empty for every event. Capital letters do not matter."""
    interval: Annotated[Duration, Field(ge=MINUTE, le=DAY)] = 15 * MINUTE
    """How often the calendar is read."""
    trusted_for: Annotated[Duration, Field(ge=MINUTE, le=90 * DAY)] = 3 * DAY
    """For how long the last copy holds while the calendar cannot be read."""
    afterwards: Literal["freeze", "release"] = "freeze"
    """What holds after that, and before it was ever read."""


class FreezeSpec(ForeignModel):
    """What is frozen, when, and why."""

    canaries: Labels = Labels()
    """Whose releases; all where nothing is said."""
    namespaces: tuple[str, ...] = Field(default=(), max_length=500)
    """Of the Canaries: empty for the Freeze's own; `*` for all. Others than its own only count in sluice's own namespace."""
    clusters: tuple[str, ...] = Field(default=(), max_length=500)
    """Names of clusters, as `SLUICE_CLUSTER` calls them; empty for each one that has this Freeze."""
    start: Instant | None = Field(default=None, alias="from")
    """`2026-12-24T18:00` by the clock of `timeZone`, or with its own offset; absent for at once."""
    until: Instant | None = None
    """The same; absent for as long as it is there."""
    time_zone: TimeZone = "UTC"
    """Of `from` and `until`, of days that a calendar's events last, and of what people read."""
    reason: str = Field(default="", max_length=500)
    by: str = Field(default="", max_length=253)
    """Who froze it."""
    calendar: FreezeCalendar | None = None
    """Frozen during its events alone, and of those between `from` and `until`."""
    suspend: bool = False
    """It freezes nothing for as long as this is set."""

    @property
    def calendar_asked(self) -> str:
        """What decides which events of which calendar count, as a hash: an address may be a secret."""
        if self.calendar is None:
            return ""
        one = self.calendar
        secret = one.secret_ref.name if one.secret_ref else ""
        parts = (one.url, secret, one.summary, ",".join(one.categories), self.time_zone)
        return sha256("\n".join(parts).encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not (self.start and self.until):
            return self
        first, last = with_offset(self.start), with_offset(self.until)
        if (first is None) != (last is None):
            raise ValueError("`from` and `until` need one form: both with an offset, or both without one")
        ordered = first < last if first and last else _wall(self.start) < _wall(self.until)
        if not ordered:
            raise ValueError(f"`until` ({self.until}) is not after `from` ({self.start}): exchange them")
        return self


class FrozenEvent(ForeignModel):
    """One event of a calendar, as it was read."""

    start: str = Field(alias="from")
    """RFC 3339, in UTC."""
    until: str
    summary: str = ""


class CalendarStatus(ForeignModel):
    """The last good copy of a calendar: what releases are frozen by, for all who read it next."""

    asked: str = ""
    """What was asked for, as a hash: it is no copy of what a changed manifest asks for."""
    read_at: str = ""
    """RFC 3339; when it was last found to be so."""
    covers_until: str = ""
    """Up to when its events are listed."""
    etag: str = ""
    events: tuple[FrozenEvent, ...] = Field(default=(), max_length=MOST_EVENTS)
    error: str = ""
    """Why it could not be read since; empty where it could."""


class FreezeStatus(ForeignModel):
    """What `kubectl get freezes` shows."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    calendar: CalendarStatus | None = None


class Freeze(Manifest):
    """Releases that go no further, for a time."""

    api_version: ClassVar[str] = "sluice.dev/v1alpha1"
    kind: ClassVar[str] = "Freeze"
    plural: ClassVar[str] = "freezes"
    spec: FreezeSpec = FreezeSpec()
    status: FreezeStatus = FreezeStatus()

    @property
    def key(self) -> str:
        """`namespace/name`, by which records name it."""
        return f"{self.namespace}/{self.name}"


def _wall(text: str) -> tuple[str, int]:
    read = moment(text)
    return str(read.date), read.minutes
