"""What a sync writes: nothing where nothing changed, one object where one did, and never too little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.applied.applied import LOOK_EVERY, Applied
from blocks.applied.ledger import Ledger, Ledgers
from blocks.applied.sight import Sight
from blocks.applied.watches import Watches
from sluice.errors import ForbiddenError, TransientError
from sluice.sync.ownership import owned
from tests.memory_cluster import CONFIG_MAP
from tests.owning_cluster import OwningCluster

Object = dict[str, Any]
OWNER = ("Kustomization", "apps", "shop")


def config(number: int, value: str = "1") -> Object:
    meta = {"name": f"c-{number:03}", "namespace": "apps"}
    return owned({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": value}}, "apps", "shop")


MANY = [config(number) for number in range(100)]


async def synced(
    cluster: OwningCluster, manifests: list[Object], ledger: Ledger, watches: Watches | None = None, **how: Any
) -> tuple[Sight, list[str]]:
    """What a sync does: look, then write what is not right. Returns the names that were written."""
    it: Any = cluster
    sight, wrote = Sight(it, ledger, watches, **how), []
    await sight.look(manifests)
    for one in manifests:
        if sight.settled(one):
            continue
        if sight.as_left(one):
            sight.wrote(one, await cluster.apply(one))
            wrote.append(one["metadata"]["name"])
            continue
        live = await sight.live(CONFIG_MAP, one)
        if live is None:
            sight.missing(one)
        elif sight.is_right(one, one, live):
            continue
        sight.wrote(one, await cluster.apply(one))
        wrote.append(one["metadata"]["name"])
    return sight, wrote


@asynccontextmanager
async def watched(cluster: OwningCluster) -> AsyncIterator[Watches]:
    it: Any = cluster
    watches = Watches(it)
    watches.only({CONFIG_MAP})
    try:
        async with asyncio.timeout(10):
            while watches.fresh(CONFIG_MAP, "apps") is None:
                await asyncio.sleep(0.01)
        yield watches
    finally:
        await watches.close()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_first_sync_asks_for_each_object_once() -> None:
    """That none of them is there, two lists say."""
    cluster = OwningCluster()
    _, wrote = await synced(cluster, MANY, Ledger())
    assert len(wrote) == 100
    assert cluster.asked == {"apply ConfigMap": 100, "list ConfigMap": 2}


@pytest.mark.parametrize("memory", [True, False], ids=["with memory", "after a restart"])
async def test_an_unchanged_sync_costs_one_list(memory: bool) -> None:
    """Without a watch: of metadata where the digests are known, of the whole objects where they are not."""
    cluster, ledger = OwningCluster(), Ledger()
    await synced(cluster, MANY, ledger)
    cluster.asked.clear()
    _, wrote = await synced(cluster, MANY, ledger if memory else Ledger())
    assert wrote == []
    assert cluster.asked == {"list ConfigMap": 1}


async def test_with_a_watch_an_unchanged_sync_costs_nothing() -> None:
    """And a changed object costs its write."""
    cluster, ledger = OwningCluster(), Ledger()
    async with watched(cluster) as watches:
        await synced(cluster, MANY, ledger, watches)
        await settle()
        cluster.asked.clear()
        assert (await synced(cluster, MANY, ledger, watches))[1] == []
        assert cluster.asked == {}
        changed = [config(7, "2"), *MANY[:7], *MANY[8:]]
        assert (await synced(cluster, changed, ledger, watches))[1] == ["c-007"]
        assert cluster.asked == {"apply ConfigMap": 1}


@pytest.mark.parametrize("by_watch", [True, False], ids=["watch", "list"])
@pytest.mark.parametrize("memory", [True, False], ids=["with memory", "after a restart"])
async def test_whatever_somebody_changed_is_written(by_watch: bool, memory: bool) -> None:
    """A value, a key, a label, an object, another object in its place, what a person added; what controllers add is not."""
    cluster, ledger = OwningCluster(), Ledger()
    async with watched(cluster) as watches:
        await synced(cluster, MANY, ledger, watches)
        cluster.edit("ConfigMap", "c-001", "apps", {"data": {"k": "9"}})
        cluster.edit("ConfigMap", "c-002", "apps", {"data": {"k": None}})
        cluster.edit("ConfigMap", "c-003", "apps", {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": None}}})
        cluster.edit("ConfigMap", "c-004", "apps", {"data": {"more": "theirs"}}, "a-controller")
        cluster.edit("ConfigMap", "c-008", "apps", {"data": {"more": "a person's"}})
        cluster.vanish(CONFIG_MAP, "c-005", "apps")
        cluster.vanish(CONFIG_MAP, "c-006", "apps")
        cluster.add({**config(6), "data": {"k": "1"}})
        await settle()
        it = watches if by_watch else None
        sight, wrote = await synced(cluster, MANY, ledger if memory else Ledger(), it, nothing_new=True)
    assert sorted(wrote) == ["c-001", "c-002", "c-003", "c-005", "c-006", "c-008"]
    found = sorted(str(one.object) for one in sight.findings.values())
    assert found == [f"ConfigMap apps/c-00{number}" for number in (1, 2, 3, 5, 6, 8)]
    assert {one.who for one in sight.findings.values() if not one.gone} >= {"kubectl-edit"}


async def test_a_change_by_git_is_nobodys() -> None:
    """A new value, and a key that left: written, and not reported."""
    cluster, ledger = OwningCluster(), Ledger()
    await synced(cluster, MANY, ledger)
    other = {**config(1), "data": {"other": "1"}}
    sight, wrote = await synced(cluster, [other, *MANY[2:]], ledger)
    assert (wrote, sight.findings) == (["c-001"], {})
    assert cluster.now("ConfigMap", "c-001", "apps")["data"] == {"other": "1"}


async def test_a_broken_watch_never_means_unchanged() -> None:
    """Somebody changed an object while it was away: the look asks, and finds it."""
    cluster, ledger = OwningCluster(), Ledger()
    async with watched(cluster) as watches:
        await synced(cluster, MANY, ledger, watches)
        await settle()
        cluster.break_watches(TransientError("away"))
        await settle()
        assert watches.fresh(CONFIG_MAP, "apps") is None
        assert watches.troubles() == {"ConfigMap": "away"}
        cluster.cut = None
        cluster.edit("ConfigMap", "c-001", "apps", {"data": {"k": "9"}})
        for entry in cluster.watchers:
            cluster.watchers.remove(entry)
        assert (await synced(cluster, MANY, ledger, watches))[1] == ["c-001"]


async def test_a_watch_that_is_silent_for_too_long_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is cut without a word looks like quiet."""
    cluster, ledger = OwningCluster(), Ledger()
    async with watched(cluster) as watches:
        await synced(cluster, MANY, ledger, watches)
        await settle()
        monkeypatch.setattr("blocks.applied.watches.FRESH", -1.0)
        cluster.asked.clear()
        assert (await synced(cluster, MANY, ledger, watches))[1] == []
        assert cluster.asked == {"list ConfigMap": 1}


async def test_without_the_right_to_list_each_is_asked_for() -> None:
    """An installation that did not give it goes on as before."""
    cluster = OwningCluster(cut=ForbiddenError("no right to list"))
    _, wrote = await synced(cluster, MANY, Ledger())
    assert len(wrote) == 100
    assert cluster.asked["get ConfigMap"] == 100


async def test_the_ledger_holds_while_nobody_else_has_written_the_owners_status() -> None:
    """Another worker that applied something wrote there first: what this one remembers is worth nothing then."""
    ledgers = Ledgers()
    ledger = ledgers.of(OWNER, "7")
    await synced(OwningCluster(), MANY[:1], ledger)
    ledger.version = "8"
    assert ledgers.of(OWNER, "8").known
    assert ledgers.known(OWNER, "8") is ledger
    assert ledgers.known(OWNER, "9") is None
    assert not ledgers.of(OWNER, "9").known
    assert not ledgers.of(OWNER, "8").known, "it does not come back"


async def test_what_is_vouched_for_needs_no_look_at_its_interval() -> None:
    """All of it is watched and as it was left; for each reason to doubt that, it is not vouched for."""
    cluster, now = OwningCluster(), 1000.0
    async with watched(cluster) as watches:
        applied = Applied(watches=watches)
        ledger = applied.ledgers.of(OWNER, "7")
        await synced(cluster, MANY, ledger, watches)
        await settle()
        assert not applied.vouches(OWNER, "7", now), "no sync has come to its end"
        ledger.looked = now
        assert applied.vouches(OWNER, "7", now)
        assert not applied.vouches(OWNER, "8", now), "somebody has written to the owner"
        assert not applied.vouches(OWNER, "7", now + LOOK_EVERY + 1)
        cluster.edit("ConfigMap", "c-001", "apps", {"data": {"more": "theirs"}}, "a-controller")
        await settle()
        assert applied.vouches(OWNER, "7", now)
        cluster.edit("ConfigMap", "c-001", "apps", {"data": {"k": "9"}})
        await settle()
        assert not applied.vouches(OWNER, "7", now)
        await synced(cluster, MANY, ledger, watches)
        await settle()
        assert applied.vouches(OWNER, "7", now)
        cluster.vanish(CONFIG_MAP, "c-001", "apps")
        await settle()
        assert not applied.vouches(OWNER, "7", now)
        await synced(cluster, MANY, ledger, watches)
        await settle()
        assert applied.vouches(OWNER, "7", now)
        cluster.break_watches(TransientError("away"))
        await settle()
        assert not applied.vouches(OWNER, "7", now)
