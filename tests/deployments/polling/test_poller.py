"""The poller: every repository at its interval and when somebody asks, cheaply, and none at the cost of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.connections import connections
from blocks.kubernetes.kinds import IMAGE_REPOSITORY
from deployments.polling import poller as module
from deployments.polling.poller import AT_ONCE, Poller
from sluice.errors import TransientError
from tests.tasks.images.place import Place, place


@pytest.fixture
async def sut() -> AsyncIterator[Place]:
    async with place() as made:
        yield made


@asynccontextmanager
async def polling() -> AsyncIterator[Poller]:
    poller = Poller(connections())
    running = asyncio.create_task(poller.keep())
    try:
        yield poller
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def tags(sut: Place) -> list[str]:
    return [event.payload["tag"] for event in sut.events.posted]


async def test_a_push_that_nobody_reports_is_found_at_the_interval(sut: Place) -> None:
    """And the next one, and those of a repository that is made meanwhile."""
    sut.repository(interval="50ms")
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    async with polling():
        await until(lambda: "1.0.0" in tags(sut))
        await sut.deliver(sut.events.posted[0])  # type: ignore[arg-type]
        sut.shelf.push("shop", "1.1.0")
        await until(lambda: "1.1.0" in tags(sut))
        sut.shelf.push("next", "3.0.0")
        sut.policy("next", of="next")
        sut.repository("next", interval="1h")
        await until(lambda: "3.0.0" in tags(sut))
    assert sut.ready("ImageRepository", "next")[0] == "True"


async def test_who_asks_for_a_look_gets_one_at_once(sut: Place) -> None:
    """`flux reconcile image repository` and `... policy` wait for `lastHandledReconcileAt`, whatever the interval."""
    sut.repository(interval="1h")
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    async with polling():
        await until(lambda: tags(sut) == ["1.0.0"])
        await sut.deliver(sut.events.posted[0])  # type: ignore[arg-type]
        sut.shelf.push("shop", "1.1.0")
        sut.annotate("ImageRepository", "one")
        await until(lambda: sut.status("ImageRepository").get("lastHandledReconcileAt") == "one")
        await until(lambda: "1.1.0" in tags(sut))
        for request in ("two", "three"):
            sut.annotate("ImagePolicy", request)
            await until(lambda request=request: sut.status().get("lastHandledReconcileAt") == request)  # type: ignore[misc]
        assert sut.latest() == "1.0.0", "the delivery writes what it chooses"


async def test_a_change_of_the_manifest_is_looked_at_at_once_and_a_status_is_none(sut: Place) -> None:
    """What sluice writes itself calls for no look."""
    sut.repository(interval="1h")
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    sut.shelf.push("shop", "2.0.0")
    async with polling():
        await until(lambda: tags(sut) == ["2.0.0"])
        await sut.deliver(sut.events.posted[0])  # type: ignore[arg-type]
        looks = len(sut.shelf.asked)
        sut.policy(policy={"semver": {"range": "1.x"}})
        await until(lambda: "1.0.0" in tags(sut))
        assert len(sut.shelf.asked) - looks == 2, "the list, and what 1.0.0 names"
        looks = len(sut.shelf.asked)
        sut.repository(interval="1h", exclusionList=[r"^1\."])
        await until(lambda: sut.status("ImageRepository")["observedExclusionList"] == [r"^1\."])
        assert sut.status("ImageRepository")["lastScanResult"]["latestTags"] == ["2.0.0"]
        assert len(sut.shelf.asked) - looks == 1


async def test_an_unchanged_repository_costs_one_request_a_look(sut: Place) -> None:
    """With a mark for its list or without one; and nothing at the API server."""
    for marks in (True, False):
        sut.shelf.marks = marks
        sut.repository(interval="20ms")
        sut.policy()
        sut.shelf.push("shop", "1.0.0")
        async with polling():
            await until(lambda: "1.0.0" in tags(sut))
            await sut.deliver(sut.events.posted[0])  # type: ignore[arg-type]
            await until(lambda: sut.status().get("latestRef"))
            start = len(sut.shelf.asked)
            await until(lambda start=start: len(sut.shelf.asked) >= start + 4)  # type: ignore[misc]
            start, acts = len(sut.shelf.asked), len(sut.cluster.acts)
            await until(lambda start=start: len(sut.shelf.asked) >= start + 10)  # type: ignore[misc]
        assert set(sut.shelf.asked[start:]) == {"GET /v2/shop/tags/list"}
        assert sut.cluster.acts[acts:] == []
        assert ("if-none-match" in sut.shelf.registry.headers[-1]) is marks


async def test_a_registry_that_asks_for_time_gets_it_from_all_its_repositories(sut: Place) -> None:
    """429 with Retry-After: the few that were under way are answered, then nobody asks; another registry is asked on."""
    sut.shelf.retry_after = "3600"
    for number in range(20):
        name = f"busy{number}"
        sut.shelf.push(name, "1.0.0")
        sut.shelf.away[name] = 429
        sut.repository(name, interval="20ms")
        sut.policy(name, of=name)
    sut.repository(image=f"localhost{sut.shelf.host.removeprefix('127.0.0.1')}/shop", interval="20ms")
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    async with polling():
        await until(lambda: sum(path == "GET /v2/shop/tags/list" for path in sut.shelf.asked) >= 10)
    asked = [path for path in sut.shelf.asked if "busy" in path]
    assert 1 <= len(asked) <= AT_ONCE
    assert "429" in sut.ready("ImageRepository", asked[0].split("/")[2])[2]


async def test_one_that_does_not_answer_holds_up_no_other(sut: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred repositories of one registry, each is looked at though some always fail; these wait longer each time."""
    monkeypatch.setattr(module, "SOON", 0.02)
    for number in range(100):
        name = f"app{number}"
        sut.shelf.push(name, "1.0.0")
        if number % 10 == 0:
            sut.shelf.away[name] = 404
        sut.repository(name, interval="200ms")
        sut.policy(name, of=name)
    async with polling():
        await until(lambda: len({event.payload["image"] for event in sut.events.posted}) == 90)
        sut.shelf.away.clear()
        await until(lambda: len({event.payload["image"] for event in sut.events.posted}) == 100)


async def test_a_suspended_repository_rests_until_it_is_resumed(sut: Place) -> None:
    """And a suspended policy chooses nothing."""
    sut.repository(interval="20ms", suspend=True)
    sut.policy()
    sut.repository("next", interval="20ms")
    sut.policy("next", of="next", suspend=True)
    sut.shelf.push("shop", "1.0.0")
    sut.shelf.push("next", "1.0.0")
    async with polling():
        await until(lambda: len(sut.shelf.asked) > 5)
        assert {path.split("/")[2] for path in sut.shelf.asked} == {"next"}
        assert tags(sut) == []
        sut.repository(interval="20ms")
        await until(lambda: tags(sut) == ["1.0.0"])


async def test_what_prefect_does_not_take_is_posted_when_it_is_back(
    sut: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is remembered as done before it is."""
    monkeypatch.setattr(module, "SOON", 0.02)
    sut.events.trouble = TransientError("away")
    sut.repository(interval="1h")
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    async with polling():
        await until(lambda: len(sut.shelf.asked) > 4)
        sut.events.trouble = None
        await until(lambda: tags(sut) == ["1.0.0"])


async def test_a_moved_tag_is_found_at_the_policy_s_interval(sut: Place) -> None:
    """`digestReflectionPolicy: Always` asks for the digest, `interval` says how often; the list alone would not show it."""
    sut.shelf.marks = True
    sut.repository(interval="20ms")
    sut.policy(digestReflectionPolicy="Always", interval="100ms")
    sut.shelf.push("shop", "1.0.0")
    async with polling():
        await until(lambda: tags(sut) == ["1.0.0"])
        await sut.deliver(sut.events.posted[0])  # type: ignore[arg-type]
        before = len(sut.shelf.asked)
        await until(lambda: len(sut.shelf.asked) >= before + 20)
        moved = sut.shelf.push("shop", "1.0.0", "built again")
        await until(lambda: len(tags(sut)) == 2)
        assert sut.events.posted[1].payload["digest"] == moved
    looks = [path.split(" ")[0] for path in sut.shelf.asked]
    assert looks.count("HEAD") < looks.count("GET")


async def test_a_policy_whose_repository_nobody_polls_says_so(sut: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not there, or it is Flux's; one that comes is polled at once, and puts the policy right."""
    monkeypatch.setattr(module, "LACKING", 0.05)
    del sut.cluster.objects["ImageRepository", "team", "shop"]
    sut.policy()
    sut.cluster.objects["ImagePolicy", "team", "shop"]["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    async with polling():
        await until(lambda: sut.status().get("conditions"))
        assert sut.ready()[:2] == ("False", "DependencyNotReady")
        assert sut.ready()[2] == (
            "ImageRepository team/shop is not there: make it, or name another in spec.imageRepositoryRef"
        )
        sut.shelf.push("shop", "1.0.0")
        sut.repository(interval="1h")
        await until(lambda: tags(sut) == ["1.0.0"])
        await sut.deliver(sut.events.posted[0])  # type: ignore[arg-type]
        await until(lambda: sut.ready()[0] == "True")


async def test_a_policy_whose_repository_is_left_to_flux_names_the_way_out(
    sut: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is it polled, nor is its status touched."""
    monkeypatch.setattr(module, "LACKING", 0.05)
    sut.cluster.given = lambda kind, items: [] if kind == IMAGE_REPOSITORY else items
    sut.repository(interval="20ms")
    sut.policy()
    sut.cluster.objects["ImagePolicy", "team", "shop"]["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    async with polling():
        await until(lambda: sut.status().get("conditions"))
    assert sut.ready()[0] == "False"
    assert "ImageRepository team/shop does not have the labels of SLUICE_FLUX_SELECTOR" in sut.ready()[2]
    assert sut.shelf.asked == []
    assert sut.status("ImageRepository") == {}
