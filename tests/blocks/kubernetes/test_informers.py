"""Shared watches: many readers, one watch; what was written is known at once; what is older never wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from blocks.kubernetes import informers as block
from blocks.kubernetes.cluster import Change, Cluster, Kind
from blocks.kubernetes.follow import News
from blocks.kubernetes.informer import Followed, Informer
from blocks.kubernetes.informers import Informers, informed
from blocks.kubernetes.kinds import DEPLOYMENT, NAMESPACE
from sluice.errors import ForbiddenError, NotFoundError, TransientError
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, deployment
from tests.samples import NAMESPACE as SPACE
from tests.virtual_time import in_no_time

Object = dict[str, Any]
PATIENCE = 30.0
KEY = ("test", "x")

CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")


def config(version: int, value: str = "", name: str = "x") -> Object:
    return {"metadata": {"name": name, "namespace": "test", "resourceVersion": str(version)}, "data": {"v": value}}


async def never() -> Object:
    raise AssertionError("nobody asks the API server while watches are heard")


class Counting(MemoryCluster):
    """Counts lists and watches, and may hold its first list back."""

    asked: list[str]
    silent = refuses = False

    async def list_from(self, kind: Kind, *rest: Any) -> Any:
        self.asked.append(f"list {kind.kind}")
        if self.silent:
            await asyncio.Event().wait()
        if self.refuses:
            raise ForbiddenError("403: cannot list")
        return await super().list_from(kind, *rest)

    async def watch(self, kind: Kind, *rest: Any) -> AsyncIterator[Change]:
        self.asked.append(f"watch {kind.kind}")
        async for change in super().watch(kind, *rest):
            yield change


@pytest.fixture
def cluster() -> Counting:
    it = Counting()
    it.asked = []
    it.add(deployment(replicas=3))
    return it


async def test_many_readers_share_one_watch(cluster: Counting) -> None:
    """Hundreds of rollouts cost the API server one list and one watch a kind."""
    async with informed(cluster) as seen:  # type: ignore[arg-type]

        async def rollout() -> None:
            async with seen.following(DEPLOYMENT, NAME, SPACE) as target:
                assert target.object is not None
                assert await target.until(lambda one: bool(one and one["spec"]["replicas"] == 5), PATIENCE)

        many = [asyncio.create_task(rollout()) for _ in range(200)]
        await asyncio.sleep(0)
        while "watch Deployment" not in cluster.asked:
            await asyncio.sleep(0)
        await cluster.patch(DEPLOYMENT, NAME, SPACE, {"spec": {"replicas": 5}})
        await asyncio.gather(*many)
        assert cluster.asked.count("watch Deployment") == 1
        assert not seen._informers[(DEPLOYMENT, None)]._followers, "nothing is kept of who left"


async def test_each_namespace_that_is_looked_after_has_its_own_watch(cluster: Counting) -> None:
    """An installation with rights in two namespaces asks for nothing outside them."""
    async with informed(cluster, (SPACE, "other")) as seen:  # type: ignore[arg-type]
        assert [one["metadata"]["name"] for one in await seen.list(DEPLOYMENT)] == [NAME]
        assert await seen.list(DEPLOYMENT, "other") == []
    assert cluster.asked[:1] == ["list Deployment"]
    assert set(seen._informers) == {(DEPLOYMENT, SPACE), (DEPLOYMENT, "other")}


async def test_a_cluster_that_tells_nothing_is_a_transient_error(
    cluster: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader is not held for ever by the first list; that nothing is known is not taken for "there is none"."""
    monkeypatch.setattr(block, "SYNC_WITHIN", 0.01)
    cluster.silent = True
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        with pytest.raises(TransientError, match="has not listed its deployments"):
            await seen.find(DEPLOYMENT, NAME, SPACE)


async def test_an_object_that_the_watch_has_not_told_yet_is_asked_for(cluster: Counting) -> None:
    """A watch that lags does not make a new object a missing one; what is really missing is an error."""
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        assert await seen.find(DEPLOYMENT, "late", SPACE) is None
        late = deployment()
        late["metadata"]["name"] = "late"
        cluster._tell = lambda *_: None  # type: ignore[method-assign,assignment]  # the watch is stuck
        cluster.add(late)
        assert await seen.find(DEPLOYMENT, "late", SPACE) is None
        assert (await seen.get(DEPLOYMENT, "late", SPACE))["metadata"]["name"] == "late"
        assert await seen.find(DEPLOYMENT, "late", SPACE) is not None
        with pytest.raises(NotFoundError):
            await seen.get(DEPLOYMENT, "nobody", SPACE)


def told(informer: Informer, *items: Object, version: int = 0, whole: bool = False, gone: bool = False) -> None:
    informer.update(News(list(items), whole=whole, gone=gone, version=version))


def value(informer: Informer) -> str | None:
    item = informer.objects.get(KEY)
    return None if item is None else item["data"]["v"]


def test_what_was_written_is_known_before_the_watch_tells_and_older_news_do_not_undo_it() -> None:
    """Nobody decides on the state before their own write."""
    informer = Informer()
    told(informer, config(5, "old"), whole=True, version=7)
    informer.learn(config(9, "written"))
    told(informer, config(8, "somebody else's, earlier"))
    assert value(informer) == "written"
    told(informer, config(9, "written"))
    told(informer, config(12, "newer"))
    assert value(informer) == "newer"


def test_a_list_that_was_made_before_a_write_does_not_undo_it() -> None:
    """A list closes gaps; it is not newer than what was written while it was on its way."""
    informer = Informer()
    informer.learn(config(9, "written"))
    told(informer, version=8, whole=True)
    assert value(informer) == "written"
    told(informer, version=10, whole=True)
    assert value(informer) is None


def test_what_is_deleted_does_not_come_back_by_an_older_answer() -> None:
    """An answer that was on its way while the object went is no sign of life; a new object of that name is."""
    informer = Informer()
    told(informer, config(5, "a"), whole=True, version=7)
    told(informer, config(9, "a"), gone=True)
    informer.learn(config(8, "late answer"))
    assert value(informer) is None
    told(informer, config(11, "born again"))
    assert value(informer) == "born again"


async def test_a_condition_that_holds_already_is_not_waited_for() -> None:
    """Nothing has to change for what is true."""
    assert await Followed(config(1, "a"), never).until(lambda one: one is not None, 0)
    assert not await Followed(None, never).until(lambda one: one is not None, 0.01)


async def test_who_gives_up_asks_the_api_server_first(cluster: Counting) -> None:
    """A watch may lag or hang. What it missed is known then, to the other readers too, and what is gone is gone."""
    async with informed(cluster) as seen, seen.following(DEPLOYMENT, NAME, SPACE) as followed:
        cluster.objects["Deployment", SPACE, NAME] = deployment(replicas=7) | {
            "metadata": {**deployment()["metadata"], "resourceVersion": "1000000"}
        }
        assert not await followed.until(lambda one: bool(one and one["spec"]["replicas"] == 7), 0.01)
        await followed.ask()
        assert followed.object is not None
        assert followed.object["spec"]["replicas"] == 7
        known = await seen.find(DEPLOYMENT, NAME, SPACE)
        assert known is not None
        assert known["spec"]["replicas"] == 7
        del cluster.objects["Deployment", SPACE, NAME]
        await followed.ask()
        assert followed.object is None


async def test_who_waits_for_some_objects_is_not_asked_about_others(cluster: Counting) -> None:
    """A thousand releases that wait for a Gate are not called at each change of a pod."""
    asked: list[str] = []

    def wants(item: Object) -> bool:
        asked.append(item["metadata"]["name"])
        return bool(item["metadata"]["name"] == "x")

    async with informed(cluster) as seen:  # type: ignore[arg-type]
        await seen.list(CONFIG_MAP)
        await seen.list(DEPLOYMENT)
        with seen.noticing({CONFIG_MAP: wants}) as noticed:
            seen.learn(DEPLOYMENT, {**cluster.now("Deployment", NAME, SPACE), "metadata": config(900)["metadata"]})
            seen.learn(CONFIG_MAP, config(901, name="y"))
            assert (asked, noticed.is_set()) == (["y"], False)
            seen.learn(CONFIG_MAP, config(902))
            assert noticed.is_set()
        seen.learn(CONFIG_MAP, config(903))
        assert asked == ["y", "x"]


def test_what_cannot_be_listed_is_not_waited_for_by_who_is_in_a_hurry(cluster: Counting) -> None:
    """The first one waits as long as it is ready to; the next ones know already that the right is missing."""
    cluster.refuses = True

    async def it() -> list[float]:
        took, clock = [], asyncio.get_running_loop().time
        async with informed(cluster) as seen:  # type: ignore[arg-type]
            for within in (2.0, 2.0, block.SYNC_WITHIN):
                began = clock()
                with pytest.raises(TransientError, match=f"within {within:g} s: 403"):
                    await seen.list(CONFIG_MAP, within=within)
                took.append(round(clock() - began, 1))
        return took

    assert in_no_time(it) == [2.0, 0.0, block.SYNC_WITHIN]


async def test_a_change_between_two_looks_is_not_lost() -> None:
    """Who was busy while something changed learns it at once when it asks for the next change."""
    followed = Followed(config(1, "a"), never)
    followed.update(config(2, "b"))
    async with asyncio.timeout(PATIENCE):
        await followed.change()
    assert followed.object == config(2, "b")


@pytest.mark.lab
async def test_on_a_real_cluster_everything_written_is_seen(lab_env: dict[str, Any]) -> None:
    """Create, change, delete by others: a follower sees the state of now, and writes learned early change nothing."""
    cluster, namespace = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"]), f"seen-{uuid4().hex[:6]}"
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    seen = Informers(cluster, (namespace,))
    try:
        async with seen.following(CONFIG_MAP, "x", namespace) as followed:
            assert followed.object is None
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": namespace}}
            seen.learn(CONFIG_MAP, await cluster.create({**body, "data": {"v": "0"}}))
            assert followed.object is not None
            for number in range(1, 20):
                await cluster.patch(CONFIG_MAP, "x", namespace, {"data": {"v": str(number)}})
            assert await followed.until(lambda one: bool(one and one["data"]["v"] == "19"), PATIENCE)
            await cluster.delete(CONFIG_MAP, "x", namespace)
            assert await followed.until(lambda one: one is None, PATIENCE)
    finally:
        await seen.close()
        await cluster.delete(NAMESPACE, namespace)
        await cluster.close()
