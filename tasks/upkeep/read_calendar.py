"""Read calendar: fetch the calendar that a Freeze follows, and write what it has into the Freeze's status.

Releases go by the status alone: none waits for a calendar's server, and who takes over knows the last good copy.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime

from blocks.calendars.feed import fetch
from blocks.calendars.reading import AHEAD, read
from blocks.connections import connections
from blocks.kubernetes.kinds import FREEZE, SECRET
from sluice.errors import NotFoundError, SluiceError
from sluice.gates import calendar_copy
from sluice.gates.calendar_events import Wanted
from sluice.manifests.own.freeze import Freeze

ANEW = AHEAD / 2
"""A copy that covers less than that is made anew, though its calendar has not changed: time went on."""


async def read_calendar(freeze: Freeze) -> SluiceError | None:
    """Fetch and read; returns what failed, which the status then says.

    Raises:
        SluiceError: the cluster does not take the status.
    """
    try:
        body, error = await _read(freeze), None
    except SluiceError as failure:
        body, error = calendar_copy.failed(freeze, str(failure), _now()), failure
    with suppress(NotFoundError):  # it was deleted meanwhile
        await connections().cluster.patch(FREEZE, freeze.name, freeze.namespace, body, subresource="status")
    return error


async def _read(freeze: Freeze) -> calendar_copy.Body:
    calendar, cluster = freeze.spec.calendar, connections().cluster
    assert calendar is not None  # noqa: S101 - asked for Freezes that follow one
    secret = None
    if calendar.secret_ref:
        secret = await cluster.get(SECRET, calendar.secret_ref.name, freeze.namespace)
    copy = calendar_copy.kept(freeze)
    lasts = bool(copy.covers_until) and datetime.fromisoformat(copy.covers_until) - _now() > ANEW
    found = await fetch(calendar, secret, copy.etag if lasts else "")
    if found.text is None:
        return calendar_copy.unchanged(freeze, _now())
    now = _now()
    wanted = Wanted(calendar.summary, calendar.categories, freeze.spec.time_zone)
    events = await read(found.text, wanted, now)
    return calendar_copy.read(freeze, events.events, events.covers_until, found.etag, now)


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC).replace(microsecond=0)
