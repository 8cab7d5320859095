"""Registries are asked before an interval is over, where that is cheap: what no webhook reports is found soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.connections import connections
from deployments.polling.poller import Poller
from deployments.polling.sooner import REST, Sooner
from deployments.settings import Settings
from sluice.manifests.flux.image_repository import ImageRepository
from tasks.images.poll import SMALL, Remembered
from tests.deployments.polling.test_poller import tags, until
from tests.tasks.images.place import Place, place

CHEAP, COSTLY = Remembered(cheap=True), Remembered(cheap=False)
HOUR, LIST = 3600.0, "GET /v2/shop/tags/list"


@pytest.fixture
async def sut() -> AsyncIterator[Place]:
    async with place() as made:
        yield made


@asynccontextmanager
async def polling(every: float) -> AsyncIterator[Poller]:
    poller = Poller(connections(), Sooner(every))
    running = asyncio.create_task(poller.keep())
    try:
        yield poller
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def repository(name: str = "shop", host: str = "ghcr.io", interval: str = "1h", **spec: Any) -> ImageRepository:
    wanted = {"image": f"{host}/acme/{name}", "interval": interval, **spec}
    return ImageRepository.parse({"metadata": {"name": name, "namespace": "team"}, "spec": wanted})


async def test_a_push_that_nobody_reports_is_found_long_before_the_interval(sut: Place) -> None:
    """And looks that find nothing are one question each, and none to the API server."""
    sut.repository(interval="1h")
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    async with polling(0.02):
        await until(lambda: "1.0.0" in tags(sut))
        await sut.deliver(sut.events.posted[0])  # type: ignore[arg-type]
        await until(lambda: sut.status().get("latestRef"))
        start = len(sut.shelf.asked)
        await until(lambda: len(sut.shelf.asked) >= start + 4)
        start, acts = len(sut.shelf.asked), len(sut.cluster.acts)
        await until(lambda: len(sut.shelf.asked) >= start + 10)
        assert set(sut.shelf.asked[start:]) == {LIST}
        assert sut.cluster.acts[acts:] == []
        sut.shelf.push("shop", "1.1.0")
        await until(lambda: "1.1.0" in tags(sut))


async def test_a_list_that_is_no_small_answer_waits_for_the_interval(sut: Place) -> None:
    """Thousands of tags without a mark would be sent each time; with one they are not."""
    sut.repository(interval="1h")
    sut.policy()
    for number in range(SMALL + 1):
        sut.shelf.push("shop", f"0.0.{number}")
    for marks in (False, True):
        sut.shelf.marks = marks
        async with polling(0.02) as poller:
            await until(lambda poller=poller: poller.known["team", "shop"].at)  # type: ignore[misc]
            await until(lambda poller=poller: poller.known["team", "shop"].remembered.checksum)  # type: ignore[misc]
            assert poller.known["team", "shop"].remembered.cheap is marks


def test_the_interval_stays_the_most_seconds_between_two_looks() -> None:
    """And it alone counts where the setting is 0, or a look is costly."""
    brief, usual = repository(interval="5s"), repository()
    assert Sooner(20).pause(brief, CHEAP, [brief], 0) == 5
    assert Sooner(20).pause(usual, CHEAP, [usual], 0) == 20
    assert Sooner(20).pause(usual, COSTLY, [usual], 0) == HOUR
    assert Sooner(0).pause(usual, CHEAP, [usual], 0) == HOUR


def test_many_repositories_of_one_registry_share_two_looks_a_second() -> None:
    """200 of them: each every 100 seconds; one of another registry is not held up by that."""
    here, other = [repository(f"shop-{number}") for number in range(200)], repository(host="quay.io")
    assert Sooner(20).pause(here[0], CHEAP, [*here, other], 0) == 100
    assert Sooner(20).pause(other, CHEAP, [*here, other], 0) == 20


@pytest.mark.parametrize("field", ["secretRef", "certSecretRef", "proxySecretRef"])
def test_repositories_with_logins_of_secrets_ask_the_api_server_for_them_seldom(field: str) -> None:
    """Over all registries one such look in four seconds."""
    private = [repository(host=f"r{number}.test", **{field: {"name": "login"}}) for number in range(30)]
    assert Sooner(20).pause(private[0], CHEAP, private, 0) == 120
    assert Sooner(20).pause(private[0], CHEAP, private[:2], 0) == 20


def test_a_registry_that_asked_for_time_is_asked_at_intervals_alone_for_an_hour() -> None:
    sooner, one, other = Sooner(20), repository(), repository(host="quay.io")
    sooner.asked_for_time("ghcr.io", 100.0)
    assert sooner.pause(one, CHEAP, [one, other], 100.0 + REST - 1) == HOUR
    assert sooner.pause(other, CHEAP, [one, other], 101.0) == 20
    assert sooner.pause(one, CHEAP, [one, other], 100.0 + REST) == 20


async def test_a_registry_that_answers_429_is_left_to_the_intervals(sut: Place) -> None:
    """Whatever it says of the time to wait."""
    sut.shelf.retry_after = "1"
    sut.repository(interval="1h")
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    sut.shelf.away["shop"] = 429
    async with polling(0.02) as poller:
        await until(lambda: LIST in sut.shelf.asked)
        await until(lambda: sut.ready("ImageRepository")[0] == "False")
        one = poller.known["team", "shop"].manifest
        assert one is not None
        assert poller.sooner.pause(one, CHEAP, [one], poller.clock()) == HOUR


def test_out_of_the_box_a_push_is_found_within_half_a_minute() -> None:
    """With the look's own jitter of a twentieth, and time for the commit."""
    assert Settings().images_every * 1.05 <= 25
