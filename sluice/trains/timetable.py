"""The bells of a train: when it departs next, and whether one rang that nobody has answered."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from sluice.errors import InvalidError
from sluice.manifests.own.train import Departure, Train


def check(departure: Departure, field: str) -> None:
    """Refuse what is no time.

    Raises:
        InvalidError: names the field.
    """
    try:
        CronSim(departure.cron, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        said = str(error) or "not five fields of cron"
        raise InvalidError(f"{field}.cron: {departure.cron!r}: {said}; write for example 0 9 * * MON") from error
    try:
        ZoneInfo(departure.time_zone)
    except (OSError, ValueError) as error:  # an unknown key is a KeyError and an OSError's sibling by version
        raise _no_zone(departure, field) from error
    except KeyError as error:
        raise _no_zone(departure, field) from error


def _no_zone(departure: Departure, field: str) -> InvalidError:
    return InvalidError(
        f"{field}.timeZone: there is no time zone {departure.time_zone!r}; write for example Europe/Berlin"
    )


def next_bell(train: Train, now: float) -> tuple[float, Departure] | None:
    """The first bell after a moment, seconds since the epoch, and which one; None where it departs by hand alone."""
    found = [(bell, one) for one in train.spec.departures if (bell := _bell(one, now, reverse=False)) is not None]
    return min(found, key=lambda pair: pair[0], default=None)


def due_bell(train: Train, now: float) -> float | None:
    """The last bell up to this moment that was not answered and is not too long ago; None where there is none.

    What rang before anybody had seen the timetable as it is was another timetable's.
    """
    answered = max(train.status.last_bell, train.status.known_since)
    found = [bell for one in train.spec.departures if (bell := _bell(one, now, reverse=True)) is not None]
    last = max(found, default=None)
    if last is None or last <= answered or now - last > train.spec.late:
        return None
    return last


def said(bell: float, departure: Departure) -> str:
    """A bell for people: `Mon 30 Nov 09:00 Europe/Berlin`."""
    return f"{datetime.fromtimestamp(bell, ZoneInfo(departure.time_zone)):%a %d %b %H:%M} {departure.time_zone}"


def departs(train: Train, now: float) -> str:
    """When it departs, for people; never fails, for it is part of a sentence."""
    if train.spec.suspend:
        return "is suspended"
    try:
        following = next_bell(train, now)
    except (InvalidError, CronSimError, OSError, ValueError, KeyError):
        return "has no timetable that can be read"
    return f"departs {said(*following)}" if following else "departs by hand"


def _bell(departure: Departure, now: float, *, reverse: bool) -> float | None:
    moment = datetime.fromtimestamp(now, ZoneInfo(departure.time_zone))
    if reverse:  # the search leaves out the moment itself, and a bell of just now counts
        moment = datetime.fromtimestamp(now + 60, ZoneInfo(departure.time_zone))
    for found in CronSim(departure.cron, moment, reverse=reverse):
        bell = found.timestamp()
        if not reverse or bell <= now:
            return bell
    return None
