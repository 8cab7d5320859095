"""`sluice trains`: a plan, the state of all, and a departure by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.connections import Connections
from deployments.tools.trains import all_trains, depart, lines, plan_lines, planned, train_named
from sluice.errors import InvalidError, NotFoundError, TerminalError
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.trains_samples import PLATFORM, car_manifest, rested, train_manifest

NAME = f"{PLATFORM}/monday"


@pytest.fixture
async def wired() -> AsyncIterator[Connections]:
    cluster, nothing = MemoryCluster(), dict[str, Any](router=None, metrics=None, gates=None)
    cluster.add(train_manifest(), car_manifest("db"), car_manifest("api", version="1.2.0"), rested("mail"))
    async with connected(cluster, **nothing) as found:
        yield found


async def test_a_plan_shows_who_boards_and_why_others_stay_and_writes_nothing(wired: Connections) -> None:
    """As things are now."""
    memory: Any = wired.cluster
    before = dict(memory.objects)
    found = await planned(wired, NAME)
    assert plan_lines(found) == [
        ("1", "db", "shop/db", "", "1.1.0", "Boards", ""),
        ("1", "mail", "shop/mail", "", "", "Stays", "has nothing new"),
        ("2", "api", "shop/api", "db", "1.2.0", "Boards", ""),
        ("3", "web", "shop/web", "api", "", "Stays", "there is no Canary shop/web"),
    ]
    assert memory.objects == before


async def test_a_departure_by_hand_is_asked_for_with_who_and_why(wired: Connections) -> None:
    """In an annotation, so that it works with Prefect away."""
    await depart(wired, NAME, "ann", "a fix for checkout")
    train = await train_named(wired, NAME)
    assert train.asked.endswith(" by ann: a fix for checkout")
    assert [line[:2] for line in lines(await all_trains(wired, (None,)))] == [(NAME, "New")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": {"phase": "Running", "message": "1 of 4 promoted"}}, "is under way: 1 of 4 promoted"),
        ({"suspend": True}, "take spec.suspend away first"),
        ({"boarding": {"version": "one or two"}}, "spec.boarding.version"),
    ],
)
async def test_what_could_not_depart_is_refused_at_once(wired: Connections, change: Any, said: str) -> None:
    """With the way out, and nothing is written."""
    memory: Any = wired.cluster
    memory.add(train_manifest(**change))
    with pytest.raises(TerminalError, match=said):
        await depart(wired, NAME, "ann", "why not")
    assert (await train_named(wired, NAME)).asked == ""


async def test_a_name_that_is_none_says_how_to_write_one(wired: Connections) -> None:
    """And one that nobody has, how to find those that are there."""
    with pytest.raises(InvalidError, match="namespace/name"):
        await planned(wired, "monday")
    with pytest.raises(NotFoundError, match="kubectl get trains"):
        await planned(wired, "platform/other")
