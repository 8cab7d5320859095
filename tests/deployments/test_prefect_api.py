"""How events get to Prefect: each once, and never lost in silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from blocks.prefect.api import PrefectEvents
from deployments.worker.engine import PREFECT_VERSION
from sluice.errors import TerminalError, TransientError
from sluice.events.model import ImagePushed
from tests.deployments.conftest import Runtime

pytestmark = pytest.mark.server


def pushed(delivery: str, tag: str = "1.10") -> ImagePushed:
    return ImagePushed(delivery=delivery, image="registry/a & b", tag=tag, digest='sha256:"x"')


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> PrefectEvents:
    return PrefectEvents("http://prefect/api", transport=httpx.MockTransport(answer), attempts=3)


async def test_the_same_event_twice_starts_one_run(sut: Runtime) -> None:
    """From the events API to the flow's parameters; texts arrive as they were, whatever signs are in them."""
    event = pushed("delivery-1")
    async with sut.worker(), PrefectEvents(sut.settings.api_url) as one, PrefectEvents(sut.settings.api_url) as two:
        assert await one.post([event]) == 1
        assert await one.post([event]) == 0
        await two.post([event])  # another receiver, which has not seen it
        await one.post([pushed("delivery-2", "2")])
        # Runs of two events may overtake each other: only that each came once is promised.
        await sut.until(lambda: sut.notes(tag="2") and sut.notes(tag="1.10"))
    (note,) = sut.notes(tag="1.10")
    assert (note["image"], note["digest"]) == ("registry/a & b", 'sha256:"x"')


async def test_a_redelivery_is_known_after_a_restart(sut: Runtime) -> None:
    """A receiver that remembers nothing asks the stored events, which outlive Prefect's own memory of minutes."""
    event = pushed("delivery-3")
    async with PrefectEvents(sut.settings.api_url) as api:
        await api.post([event])
    async with asyncio.timeout(30):
        while True:
            async with PrefectEvents(sut.settings.api_url) as fresh:
                if await fresh._stored([event.id]):
                    assert await fresh.post([event]) == 0
                    return
            await asyncio.sleep(0.1)


async def test_a_server_says_its_version_to_who_asks_whether_it_is_there(sut: Runtime) -> None:
    """What `sluice doctor` asks of a real one."""
    async with PrefectEvents(sut.settings.api_url) as api:
        assert await api.ping() == f"Prefect {PREFECT_VERSION}"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_overloaded_server_is_asked_a_few_times_and_then_reported(status: int) -> None:
    """The receiver then answers 503, with the wait that Prefect asked for."""
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        return httpx.Response(status, headers={"Retry-After": "9"})

    async with answering(answer) as api:
        with pytest.raises(TransientError) as away:
            await api.post([pushed("d")])
    assert away.value.retry_after == 9
    assert calls == ["/api/events/filter"] * 3


async def test_an_absent_server_is_a_transient_error_that_names_it() -> None:
    """Connection refused and time-outs are worth another try."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with answering(answer) as api:
        with pytest.raises(TransientError, match="http://prefect/api"):
            await api.post([pushed("d")])


async def test_a_refusal_is_not_tried_again() -> None:
    """4xx is our mistake, or a missing permission."""
    calls: list[int] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        calls.append(1)
        return httpx.Response(401, text="who are you")

    async with answering(answer) as api:
        with pytest.raises(TerminalError, match="who are you"):
            await api.post([pushed("d")])
    assert len(calls) == 1


async def test_an_event_that_was_not_accepted_is_posted_again() -> None:
    """What failed is not remembered as done."""
    fail, bodies = [True], []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/filter"):
            return httpx.Response(200, json={"events": [], "next_page": None})
        bodies.append(json.loads(request.content))
        return httpx.Response(500 if fail[0] else 204)

    async with answering(answer) as api:
        with pytest.raises(TransientError):
            await api.post([pushed("d")])
        fail[0] = False
        assert await api.post([pushed("d")]) == 1
    assert len({body[0]["id"] for body in bodies}) == 1
