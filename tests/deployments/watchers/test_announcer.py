"""The watcher's queue: a thousand changes at once are a few calls, and none of them is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

import httpx
import pytest

from blocks.prefect.api import PAGE, PrefectEvents
from deployments.watchers import announcer
from deployments.watchers.announcer import BATCH, Announcer
from sluice.errors import TerminalError, TransientError
from sluice.events.model import Event, ImagePushed, SourceChanged, TargetChanged
from tests.deployments.conftest import Runtime

CHANGES = 1000


def changed(canary: int | str, revision: int | str = 1) -> TargetChanged:
    return TargetChanged(
        delivery=f"{canary}/{revision}", namespace="shop", canary=str(canary), revision=str(revision), version="1"
    )


class Prefect:
    """Takes batches of events; `answer` may refuse them, and may wait."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.now = self.most_at_once = 0
        self.answer: Callable[[Sequence[Event]], Exception | None] = lambda _events: None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, events: Sequence[Event]) -> None:
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            if error := self.answer(events):
                raise error
            self.batches.append(list(events))
        finally:
            self.now -= 1

    @property
    def taken(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short here."""
    monkeypatch.setattr(announcer, "FIRST_PAUSE", 0.0001)
    monkeypatch.setattr(announcer, "LONGEST_PAUSE", 0.001)


async def all_sent(queue: Announcer) -> None:
    while queue.sending:
        await asyncio.gather(*queue.sending)


async def test_a_thousand_changes_at_once_are_posted_in_batches_by_one_sender() -> None:
    """None lost, none doubled, in the order in which they came; one call at a time."""
    prefect = Prefect()
    queue = Announcer(prefect)
    events = [changed(number) for number in range(CHANGES)]
    for event in events:
        queue.announce(event)
    await all_sent(queue)
    assert prefect.taken == events
    assert len(prefect.batches) == CHANGES / BATCH
    assert prefect.most_at_once == 1


async def test_what_changes_while_a_batch_is_on_its_way_goes_with_the_next() -> None:
    """The first change waits for nobody; the thousand after it are not a call each."""
    prefect = Prefect()
    queue = Announcer(prefect)
    prefect.open.clear()
    queue.announce(changed("first"))
    await asyncio.sleep(0)
    for number in range(CHANGES):
        queue.announce(changed(number))
        await asyncio.sleep(0)
    prefect.open.set()
    await all_sent(queue)
    assert prefect.batches[0] == [changed("first")]
    assert Counter(event.id for event in prefect.taken).most_common(1)[0][1] == 1
    assert len(prefect.taken) == 1 + CHANGES
    assert len(prefect.batches) == 1 + CHANGES / BATCH


async def test_while_prefect_is_away_the_newest_change_of_each_canary_waits() -> None:
    """What waits never grows beyond the Canaries, and is posted once, when Prefect is back."""
    prefect = Prefect()
    prefect.answer = lambda _events: TransientError("away")
    queue = Announcer(prefect)
    canaries = 50
    for revision in range(40):
        for number in range(canaries):
            queue.announce(changed(number, revision))
        await asyncio.sleep(0.0002)
        assert len(queue.waiting) <= canaries
    prefect.answer = lambda _events: None
    await all_sent(queue)
    assert prefect.taken == [changed(number, 39) for number in range(canaries)]
    assert not queue.waiting


async def test_a_newer_change_never_overtakes_the_one_that_is_on_its_way() -> None:
    """And it is posted, although the older one of its Canary was accepted."""
    prefect = Prefect()
    queue = Announcer(prefect)
    prefect.open.clear()
    queue.announce(changed("shop", 1))
    await asyncio.sleep(0)
    queue.announce(changed("shop", 2))
    queue.announce(changed("shop", 3))
    prefect.open.set()
    await all_sent(queue)
    assert prefect.taken == [changed("shop", 1), changed("shop", 3)]


@pytest.mark.parametrize("bad", [0, 17, BATCH - 1, BATCH])
async def test_an_event_that_is_refused_is_named_and_keeps_no_other_back(
    bad: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Also in the middle of a batch, which Prefect refuses as a whole."""
    prefect, refused = Prefect(), changed(bad)
    prefect.answer = lambda events: TerminalError("too long") if refused in events else None
    queue = Announcer(prefect)
    events = [changed(number) for number in range(2 * BATCH)]
    with caplog.at_level(logging.ERROR, logger="sluice.watcher"):
        for event in events:
            queue.announce(event)
        await all_sent(queue)
    assert Counter(event.id for event in prefect.taken) == Counter(event.id for event in events if event != refused)
    assert [record.getMessage() for record in caplog.records] == [
        f"sluice.target.changed about sluice.canary.shop.{bad} is refused: too long"
    ]
    assert not queue.waiting


async def test_prefect_is_given_the_time_that_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overloaded server says when to come back."""
    prefect, slept = Prefect(), []
    wait = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await wait(0)

    refusals = [TransientError("busy", retry_after=9.0)]
    prefect.answer = lambda _events: refusals.pop() if refusals else None
    monkeypatch.setattr(announcer.asyncio, "sleep", sleep)
    queue = Announcer(prefect)
    queue.announce(changed("shop"))
    await all_sent(queue)
    assert max(slept) == 9.0
    assert prefect.taken == [changed("shop")]


async def test_a_watcher_that_stops_leaves_no_sender_behind() -> None:
    """The next watcher sees the cluster for itself; two of them would post in each other's way."""
    prefect = Prefect()
    prefect.open.clear()
    queue = Announcer(prefect)
    queue.announce(changed("shop"))
    await asyncio.sleep(0)
    await queue.close()
    await asyncio.sleep(0)
    assert prefect.now == 0
    assert not queue.sending


def test_only_events_that_say_all_of_what_an_older_one_said_stand_in_for_it() -> None:
    """A newer revision of a Canary does; another image, another branch or another Canary does not."""
    push = ImagePushed(delivery="1", image="shop", tag="1", digest="sha256:1")
    branch = SourceChanged(delivery="1", url="https://git/shop", ref="main", commit="")
    assert changed("shop", 1).subject == changed("shop", 2).subject
    assert changed("shop").subject != changed("cart").subject
    assert push.subject != push.model_copy(update={"delivery": "2"}).subject
    assert branch.subject == branch.model_copy(update={"delivery": "2"}).subject
    assert branch.subject != branch.model_copy(update={"ref": "next"}).subject
    assert branch.subject != branch.model_copy(update={"reapply": "flux/shop"}).subject


class Counted(httpx.AsyncHTTPTransport):
    """httpx's own way to a server, counted."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls[request.url.path] += 1
        return await super().handle_async_request(request)


@pytest.mark.server
async def test_a_real_server_takes_a_thousand_changes_in_a_few_calls(sut: Runtime) -> None:
    """Each is stored once; a second watcher that posts all of them again adds none."""
    space = sut.settings.work_pool
    events = [changed(f"{space}-{number}") for number in range(CHANGES)]
    transport = Counted()
    async with PrefectEvents(sut.settings.api_url, timeout=20, transport=transport) as api:
        queue = Announcer(api.post)
        for event in events:
            queue.announce(event)
        await all_sent(queue)
        assert transport.calls == {"/api/events": CHANGES / BATCH, "/api/events/filter": CHANGES / PAGE}
    wanted = {"filter": {"resource": {"id_prefix": [f"sluice.canary.shop.{space}-"]}}, "limit": PAGE}

    async def stored() -> int:
        answer = await sut.client.request("POST", "/events/filter", json=wanted)
        return int(answer.json()["total"])

    async with asyncio.timeout(240):
        while await stored() < CHANGES:
            await asyncio.sleep(0.2)
    async with PrefectEvents(sut.settings.api_url, timeout=20) as fresh:
        assert sum([await fresh.post(events[start : start + BATCH]) for start in range(0, CHANGES, BATCH)]) == 0
    assert await stored() == CHANGES
