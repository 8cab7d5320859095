"""Whether a window is open at a moment, since when, until when, and the sentence for people."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sluice.gates.windows.spans import Span, spans
from sluice.manifests.own.gates.clock_times import WEEKDAYS, zone
from sluice.manifests.own.gates.window import WindowEntry, WindowSpec

AHEAD = timedelta(days=10 * 366)
"""How far a change is looked for: an entry for a 29 February that is a Monday may be that far away, and no further helps."""
MOST_SPANS = 4000
"""Spans in a row that are looked at for a change: `* * * * *` has half a million a year, and may never change anything."""
_A_WHILE = timedelta(hours=1)
_BACK = tuple(timedelta(days=days) for days in (2, 16, 400))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class WindowState:
    """A window at a moment.

    Attributes:
        open: whether releases may go forward.
        since: when that began; None where it is longer ago than was looked.
        until: when it changes next; None where no change is known.
        why: which entries it is so by, for people; empty where it is open because nothing denies it.
        looked: when this was worked out.
    """

    open: bool
    since: datetime | None
    until: datetime | None
    why: str
    looked: datetime

    def holds_at(self, now: datetime) -> bool:
        """Whether it is still so a little later, or earlier: up to the next change, or for an hour where none is known."""
        return self.looked - _A_WHILE <= now < (self.until or self.looked + _A_WHILE) and now >= (self.since or now)

    def sentence(self, time_zone: str, now: datetime) -> str:
        """`closed until Mon 09:00 Europe/Berlin: outside office-hours`."""
        until = f" until {moment_for_people(self.until, time_zone, now)}" if self.until else ""
        return f"{'open' if self.open else 'closed'}{until}{': ' if self.why else ''}{self.why}"


def window_state(window: WindowSpec, now: datetime) -> WindowState:
    """The state of a window at a moment, by its manifest alone."""
    now = now.astimezone(UTC)
    state = _open_at(window, now)
    until = next(_changes(window, now, now + AHEAD), None)
    return WindowState(state, _since(window, now), until, _why(window, now, state), now)


def moment_for_people(moment: datetime, time_zone: str, now: datetime) -> str:
    """`Mon 09:00 Europe/Berlin`; with the date where it is not within six days, with the year where that is another one."""
    there, here = moment.astimezone(zone(time_zone)), now.astimezone(zone(time_zone))
    day = WEEKDAYS[there.weekday()]
    if abs((there.date() - here.date()).days) > 6:
        day += f" {there.day} {_MONTHS[there.month - 1]}"
    if there.year != here.year:
        day += f" {there.year}"
    return f"{day} {there:%H:%M} {time_zone}"


def _covers(entry: WindowEntry, window: WindowSpec, now: datetime, *, denies: bool) -> bool:
    following = spans(entry, window.time_zone, now, now + timedelta(microseconds=1), denies=denies)
    return next(following, None) is not None


def _open_at(window: WindowSpec, now: datetime) -> bool:
    if any(_covers(entry, window, now, denies=True) for entry in window.deny):
        return False
    return not window.allow or any(_covers(entry, window, now, denies=False) for entry in window.allow)


def _why(window: WindowSpec, now: datetime, is_open: bool) -> str:
    denied = [entry.label for entry in window.deny if _covers(entry, window, now, denies=True)]
    if denied:
        return f"denied by {' and '.join(denied)}"
    if is_open:
        return " and ".join(entry.label for entry in window.allow if _covers(entry, window, now, denies=False))
    return f"outside {' and '.join(entry.label for entry in window.allow)}"


def _since(window: WindowSpec, now: datetime) -> datetime | None:
    for back in _BACK:
        last = None
        for change in _changes(window, now - back, now + timedelta(microseconds=1)):
            last = change
        if last is not None:
            return last
    return None


def _changes(window: WindowSpec, after: datetime, before: datetime) -> Iterator[datetime]:
    """The moments after one, and before another one, at which it opens or closes.

    Nothing more comes after `MOST_SPANS` spans in which nothing changed.
    """
    allowed, denied = after if window.allow else datetime.max.replace(tzinfo=UTC), after
    state, at, looked = _open_at(window, after), after, 0
    upcoming = _all_spans(window, after, before)
    following = next(upcoming, None)
    while looked < MOST_SPANS:
        while following is not None and following[0].start <= at:
            span, denies = following
            allowed, denied = (allowed, max(denied, span.end)) if denies else (max(allowed, span.end), denied)
            following, looked = next(upcoming, None), looked + 1
        now_open = denied <= at < allowed
        if now_open is not state:
            state, looked = now_open, 0
            yield at
        ends = [end for end in (allowed, denied) if end > at]
        if following is not None:
            ends.append(following[0].start)
        at = min(ends, default=before)
        if at >= before:
            return


def _all_spans(window: WindowSpec, after: datetime, before: datetime) -> Iterator[tuple[Span, bool]]:
    """The spans of all entries by their beginning, each with whether it denies."""
    lists = ((window.allow, False), (window.deny, True))
    streams = (_marked(entry, window, after, before, denies) for listed, denies in lists for entry in listed)
    return heapq.merge(*streams)


def _marked(
    entry: WindowEntry, window: WindowSpec, after: datetime, before: datetime, denies: bool
) -> Iterator[tuple[Span, bool]]:
    return ((span, denies) for span in spans(entry, window.time_zone, after, before, denies=denies))
