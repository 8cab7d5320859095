"""Which Freeze holds a Canary's releases now, until when, and the sentence for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sluice.durations import in_words
from sluice.gates.reach import has_labels, reaches
from sluice.gates.windows.clock import at
from sluice.gates.windows.state import moment_for_people
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.freeze import CalendarStatus, Freeze, FreezeCalendar, FrozenEvent, with_offset
from sluice.manifests.own.gates.clock_times import moment, zone


@dataclass(frozen=True, slots=True)
class Frozen:
    """Whether one Freeze holds at a moment.

    Attributes:
        holds: whether it does.
        until: when that changes next; None where no change is known.
        why: for people; empty where it does not hold.
    """

    holds: bool
    until: datetime | None = None
    why: str = ""


def frozen(
    freezes: Iterable[Freeze], canary: Canary, *, home: str, cluster: str, now: datetime
) -> tuple[tuple[Freeze, Frozen], ...]:
    """Every Freeze that has a say in a Canary's releases, with what it says: those that hold, and when others begin.

    Args:
        freezes: of all namespaces.
        canary: whose releases.
        home: sluice's own namespace: a Freeze of another one is for its own alone.
        cluster: the name of this cluster; empty where it has none.
        now: the moment.
    """
    ours = (freeze for freeze in freezes if is_for(freeze, canary, home, cluster))
    return tuple((freeze, state(freeze, now)) for freeze in sorted(ours, key=lambda freeze: freeze.key))


def is_for(freeze: Freeze, canary: Canary, home: str, cluster: str) -> bool:
    """Whether a Freeze has a say in a Canary's releases at all."""
    spec = freeze.spec
    if spec.suspend or freeze.metadata.deletion_timestamp:
        return False
    if spec.clusters and cluster not in spec.clusters:
        return False
    return reaches(freeze.namespace, spec.namespaces, canary, home) and has_labels(spec.canaries.match_labels, canary)


def sentence(found: Iterable[tuple[Freeze, Frozen]], now: datetime, let_be: Callable[[str], str]) -> str:
    """Why releases are frozen, by the Freezes that hold and that nobody has let be; empty where they are not."""
    return "; ".join(_said(freeze, one, now) for freeze, one in found if one.holds and not let_be(freeze.key))


def next_change(found: Iterable[tuple[Freeze, Frozen]]) -> datetime | None:
    """When to ask again."""
    return min((one.until for _, one in found if one.until), default=None)


def state(freeze: Freeze, now: datetime) -> Frozen:
    """Whether a Freeze holds at a moment, by its manifest and its last copy of a calendar."""
    now = now.astimezone(UTC)
    spec = freeze.spec
    start = instant(spec.start, spec.time_zone) if spec.start else None
    end = instant(spec.until, spec.time_zone) if spec.until else None
    if end and now >= end:
        return Frozen(False)
    if start and now < start:
        return Frozen(False, start)
    if spec.calendar is None:
        return Frozen(True, end, spec.reason)
    copy = freeze.status.calendar
    if copy is None or copy.asked != spec.calendar_asked:
        copy = CalendarStatus()
    found = _by_calendar(spec.calendar, copy, now, spec.time_zone, spec.reason)
    return Frozen(found.holds, min((one for one in (found.until, end) if one), default=None), found.why)


def instant(text: str, time_zone: str) -> datetime:
    """The moment, in UTC, of `from` or `until`."""
    whole = with_offset(text)
    if whole is not None:
        return whole.astimezone(UTC)
    read = moment(text)
    return at(read.date or datetime.max.date(), read.minutes, zone(time_zone))


def trusted_until(asked: FreezeCalendar, copy: CalendarStatus) -> datetime | None:
    """Up to when the last copy of a calendar holds; None where there is none."""
    if not copy.read_at:
        return None
    read = datetime.fromisoformat(copy.read_at) + timedelta(seconds=asked.trusted_for)
    return min(read, datetime.fromisoformat(copy.covers_until)) if copy.covers_until else read


def _by_calendar(asked: FreezeCalendar, copy: CalendarStatus, now: datetime, zone_name: str, reason: str) -> Frozen:
    trusted = trusted_until(asked, copy)
    if trusted is None or now >= trusted:
        because = f": {copy.error}" if copy.error else ""
        age = f"could not be read for {in_words(asked.trusted_for)}" if trusted else "was not read yet"
        return Frozen(asked.afterwards == "freeze", None, f"its calendar {age}{because}")
    event, until = _running(copy.events, now)
    if event is None:
        following = min((start for start, _, _ in _read(copy.events) if start > now), default=None)
        return Frozen(False, min(following, trusted) if following else trusted)
    why = ": ".join(part for part in (reason, event) if part) or "an event of its calendar"
    if copy.error:
        read = moment_for_people(datetime.fromisoformat(copy.read_at), zone_name, now)
        why = f"{why} (by its calendar as of {read}, which cannot be read: {copy.error})"
    return Frozen(True, min(until, trusted) if asked.afterwards == "release" else until, why)


def _running(events: Iterable[FrozenEvent], now: datetime) -> tuple[str | None, datetime]:
    """The summary of the event that is on, and when it and all that follow without a gap are over."""
    summary, until = None, now
    for start, end, said in sorted(_read(events)):
        if start <= until and end > until:
            summary, until = said if summary is None else summary, end
    return summary, until


def _read(events: Iterable[FrozenEvent]) -> list[tuple[datetime, datetime, str]]:
    return [(datetime.fromisoformat(one.start), datetime.fromisoformat(one.until), one.summary) for one in events]


def _said(freeze: Freeze, one: Frozen, now: datetime) -> str:
    until = f" until {moment_for_people(one.until, freeze.spec.time_zone, now)}" if one.until else ""
    by = f" ({freeze.spec.by})" if freeze.spec.by else ""
    return f"frozen{until} by Freeze {freeze.key}{by}{': ' if one.why else ''}{one.why}"
