"""Calendars that Freezes follow are read by one worker; what each has is in the Freeze's status, for whoever comes next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.kubernetes.kinds import FREEZE
from deployments.polling.calendars import Calendars
from sluice.gates.freezes import state
from sluice.manifests.own.freeze import Freeze
from tests.blocks.calendars.test_calendars import Server
from tests.calendars import calendar, event
from tests.connected import connected
from tests.gates import freeze_object
from tests.memory_cluster import MemoryCluster
from tests.samples import NAMESPACE
from tests.served import served

HOUR = 3600.0


def on_now(summary: str = "Freeze") -> bytes:
    """A calendar of which an event is on."""
    now = datetime.now(UTC)
    first, last = (f"{one:%Y%m%dT%H%M%SZ}" for one in (now - timedelta(hours=1), now + timedelta(hours=1)))
    return calendar(event("a", f"SUMMARY:{summary}", f"DTSTART:{first}", f"DTEND:{last}"))


@dataclass
class Sut:
    """A cluster with a Freeze that follows a calendar, its server, and who reads it."""

    cluster: MemoryCluster
    server: Server
    calendars: Calendars
    now: float

    @property
    def freeze(self) -> Freeze:
        return Freeze.parse(self.cluster.now("Freeze", "year-end", NAMESPACE))

    async def later(self, seconds: float) -> None:
        """So many seconds later, with all news heard."""
        self.now += seconds
        informers, version = self.calendars.wired.informers, self.freeze.metadata.resource_version
        await informers.list(FREEZE)
        async with asyncio.timeout(20):
            while (informers.known(FREEZE, "year-end", NAMESPACE) or {})["metadata"]["resourceVersion"] != version:
                await asyncio.sleep(0.01)
        await self.calendars.look()

    def edit(self, **part: Any) -> None:
        item = self.cluster.now("Freeze", "year-end", NAMESPACE)
        spec = {**item["spec"], "calendar": {**item["spec"]["calendar"], **part}}
        self.cluster.add({**item, "spec": spec})


@asynccontextmanager
async def following(body: bytes, **asked: Any) -> AsyncIterator[Sut]:
    """Somebody has just applied a Freeze."""
    cluster, server = MemoryCluster(), Server(body=body)
    async with served(server) as url, connected(cluster, router=None, metrics=None, gates=None) as wired:
        item = freeze_object(calendar={"url": f"{url}/freezes.ics", "interval": "1h", **asked})
        cluster.add({**item, "metadata": {**item["metadata"], "uid": "u1"}})
        sut = Sut(cluster, server, Calendars(wired), time.time())
        sut.calendars.clock = lambda: sut.now
        yield sut


def holds(freeze: Freeze) -> bool:
    return state(freeze, datetime.now(UTC)).holds


async def test_a_calendar_is_read_once_an_interval_and_freezes_by_its_status() -> None:
    """And is not brought again where it is as it was."""
    async with following(on_now()) as sut:
        await sut.later(0)
        assert holds(sut.freeze)
        assert sut.freeze.status.conditions[0].message.startswith("1 events; the next from")
        await sut.later(HOUR / 2)
        assert len(sut.server.asked) == 1
        await sut.later(HOUR)
        assert sut.server.asked[1]["if-none-match"] == '"7"'
        assert holds(sut.freeze)


async def test_a_calendar_that_is_away_is_asked_ever_more_seldom_and_its_copy_holds() -> None:
    """The status says why there is no newer one, and what holds after it."""
    async with following(on_now()) as sut:
        await sut.later(0)
        sut.server.status = 503
        await sut.later(2 * HOUR)
        copy = sut.freeze.status.calendar
        assert copy is not None
        assert (len(copy.events), copy.error[-12:]) == (1, "answered 503")
        assert "its last copy holds until" in sut.freeze.status.conditions[0].message
        assert holds(sut.freeze)
        asked = []
        for _ in range(120):
            before = len(sut.server.asked)
            await sut.later(60)
            asked.append(len(sut.server.asked) - before)
        assert sum(asked[:10]) > sum(asked[60:70]), "each pause is longer than the one before"
        assert 4 <= sum(asked) <= 12
        sut.server.status = 200
        await sut.later(2 * HOUR)
        assert sut.freeze.status.conditions[0].status == "True"


@pytest.mark.parametrize(("afterwards", "frozen"), [("freeze", True), ("release", False)])
async def test_a_calendar_that_never_was_one_says_so(afterwards: str, frozen: bool) -> None:
    """And what that means for releases."""
    async with following(b"<html>please log in</html>", afterwards=afterwards) as sut:
        await sut.later(0)
        assert holds(sut.freeze) is frozen
        (condition,) = sut.freeze.status.conditions
        assert (condition.status, "no BEGIN:VCALENDAR" in condition.message) == ("False", True)
        assert ("everything that it is for is frozen" in condition.message) is frozen


async def test_another_filter_is_another_copy_at_once() -> None:
    """Though the calendar itself is as it was."""
    async with following(on_now("Team lunch")) as sut:
        await sut.later(0)
        assert holds(sut.freeze)
        sut.edit(summary="Freeze")
        await sut.later(1)
        assert not holds(sut.freeze)
        assert "if-none-match" not in sut.server.asked[-1]


async def test_a_secret_that_is_not_there_is_named() -> None:
    """Nobody asks the server without it."""
    async with following(on_now(), secretRef={"name": "login"}) as sut:
        await sut.later(0)
        assert sut.server.asked == []
        assert "Secret shop-test/login does not exist" in sut.freeze.status.conditions[0].message


@pytest.mark.parametrize("part", [{"suspend": True}, {"clusters": ["another"]}])
async def test_the_calendar_of_a_freeze_that_freezes_nothing_here_is_not_read(part: dict[str, Any]) -> None:
    """One that is suspended, or for another cluster."""
    async with following(on_now()) as sut:
        item = sut.cluster.now("Freeze", "year-end", NAMESPACE)
        sut.cluster.add({**item, "spec": {**item["spec"], **part}})
        await sut.later(0)
        assert sut.server.asked == []
