"""Git servers are asked before an interval is over, where that is one small question: no push waits for a webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.connections import connections
from blocks.kubernetes.kinds import GIT_REPOSITORY
from deployments.polling.branches import Branches
from deployments.settings import Settings
from sluice.errors import TransientError
from sluice.events.model import Event
from sluice.manifests.flux.git_repository import GitRepository
from tests.tasks.sync.late_watches import World, at, delivering

EVERY = 20.0


@dataclass
class Posted:
    """Prefect, that takes events, or is away."""

    events: list[Event] = field(default_factory=list)
    away: bool = False

    async def post(self, events: Sequence[Event]) -> int:
        if self.away:
            raise TransientError("Prefect is away")
        self.events += events
        return len(events)


@dataclass
class Sut:
    """A world in which one commit was synced, and what asks for more."""

    world: World
    branches: Branches
    prefect: Posted
    http: httpx.AsyncClient

    async def look(self) -> list[Event]:
        before = len(self.prefect.events)
        await self.branches.look(self.http)
        return self.prefect.events[before:]


@pytest.fixture
async def sut(tmp_path: Path) -> AsyncIterator[Sut]:
    async with delivering(tmp_path) as world, httpx.AsyncClient(trust_env=False) as http:
        prefect: Any = Posted()
        source = world.cluster.now("GitRepository", "app", "team")
        meta = {**source["metadata"], "uid": "1a2b3c4d"}
        world.cluster.add({**source, "metadata": meta, "spec": {**source["spec"], "interval": "1h"}})
        await connections().informers.list(GIT_REPOSITORY)
        connections().prefect = prefect
        yield Sut(world, Branches(connections(), EVERY), prefect, http)


async def test_a_push_without_a_webhook_is_asked_for_once(sut: Sut) -> None:
    """By the event that a webhook would have brought; until it is fetched nobody asks for it once more."""
    assert await sut.look() == []
    commit = sut.world.repository.write(at("2"))
    (event,) = await sut.look()
    assert (event.url, event.ref, event.commit) == (sut.world.url, "main", commit)  # type: ignore[attr-defined]
    assert await sut.look() == []


async def test_looks_at_rest_ask_the_api_server_for_nothing(sut: Sut) -> None:
    """However many there are."""
    sut.world.cluster.asked.clear()
    for _ in range(5):
        await sut.look()
    assert {what: n for what, n in sut.world.cluster.asked.items() if n and not what.startswith("watch")} == {}


async def test_what_prefect_did_not_take_is_found_by_the_next_look(sut: Sut) -> None:
    """It was not posted."""
    sut.world.repository.write(at("2"))
    sut.prefect.away = True
    with pytest.raises(TransientError):
        await sut.look()
    sut.prefect.away = False
    assert len(await sut.look()) == 1


async def test_a_branch_that_is_gone_is_left_to_the_interval(sut: Sut) -> None:
    """Its look says so on the object; here it is no event."""
    sut.world.repository.write({"a": "1"}, branch="other")
    (sut.world.repository.folder / "refs/heads/main").unlink()
    assert await sut.look() == []


def source(name: str = "app", host: str = "https://git.example", **spec: Any) -> GitRepository:
    wanted = {"url": f"{host}/{name}", "interval": "10m", **spec}
    artifact = {"revision": "main@sha1:" + "a" * 40, "lastUpdateTime": "2026-01-01T00:00:00Z"}
    meta = {"name": name, "namespace": "team", "uid": f"{host}/{name}", "generation": 1}
    return GitRepository.parse({"metadata": meta, "spec": wanted, "status": {"artifact": artifact}})


@pytest.mark.parametrize(
    "spec",
    [
        {"suspend": True},
        {"url": "ssh://git@git.example/app"},
        {"ref": {"semver": "1.x"}},
        {"ref": {"commit": "a" * 40}},
        {"provider": "github", "secretRef": {"name": "app"}},
        {"proxySecretRef": {"name": "proxy"}},
        {"interval": "10s"},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_what_one_small_question_does_not_answer_is_left_to_the_interval(spec: dict[str, Any]) -> None:
    """And what is asked at least as often anyway."""
    branches = Branches(None, EVERY)  # type: ignore[arg-type]
    assert branches.chosen([source()], 1000.0)
    assert branches.chosen([source(**spec)], 1000.0) == []


def test_two_hundred_repositories_of_one_server_are_two_questions_a_second() -> None:
    """Each has its turn within a hundred seconds; another server's does not wait for them."""
    branches, many = Branches(None, EVERY), [source(f"app-{number}") for number in range(200)]  # type: ignore[arg-type]
    other, asked = source(host="https://other.example"), list[str]()
    for look in range(5):
        chosen = branches.chosen([*many, other], 1000.0 + look)
        assert len(chosen) == 41
        assert other in chosen
        asked += [one.metadata.uid for one in chosen if one is not other]
    assert len(set(asked)) == 200


def test_secrets_of_logins_are_read_once_in_four_seconds() -> None:
    """At rest the API server is asked next to nothing."""
    branches = Branches(None, EVERY)  # type: ignore[arg-type]
    private = [source(f"app-{number}", secretRef={"name": "login"}) for number in range(50)]
    assert len(branches.chosen(private, 1000.0)) == 5


async def test_a_server_that_has_too_much_is_left_alone(sut: Sut) -> None:
    """All of its repositories, for a while."""
    transport = httpx.MockTransport(lambda _: httpx.Response(429, headers={"Retry-After": "5"}))
    async with httpx.AsyncClient(transport=transport) as busy:
        await sut.branches.look(busy)
    sut.world.repository.write(at("2"))
    assert await sut.look() == []


def test_the_pace_of_an_installation_finds_a_push_within_half_a_minute() -> None:
    """With the sync that it begins."""
    assert Settings().git_every <= 25
