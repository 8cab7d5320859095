"""Following objects: nothing is missed, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from blocks import follow as block
from blocks.cluster import Change, Cluster, Kind
from blocks.follow import Followed, News, following, news
from blocks.kinds import CONFIG_MAP, NAMESPACE
from sluice.errors import ConflictError, TransientError

Object = dict[str, Any]
PATIENCE = 30.0


def config(version: int, value: str, name: str = "x") -> Object:
    return {"metadata": {"name": name, "namespace": "test", "resourceVersion": str(version)}, "data": {"v": value}}


class Script:
    """A cluster that lists and watches as a test says: each list and each watch is the next line of the script."""

    def __init__(self, lists: list[Any], watches: list[list[Any]]) -> None:
        self.lists, self.watches, self.asked = lists, watches, list[str]()

    async def list_from(
        self, kind: Kind, namespace: str | None, *, name: str | None = None
    ) -> tuple[list[Object], str]:
        self.asked.append("list")
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(
        self, kind: Kind, version: str, namespace: str | None, *, name: str | None = None
    ) -> AsyncIterator[Change]:
        self.asked.append(f"watch {version}")
        if not self.watches:
            await asyncio.Event().wait()
        for line in self.watches.pop(0):
            if isinstance(line, Exception):
                raise line
            yield line


async def heard(script: Script, enough: int, version: str = "") -> list[News]:
    """The first news that the script makes."""
    told: list[News] = []
    async with asyncio.timeout(PATIENCE):
        async for one in news(script, CONFIG_MAP, "test", version=version):  # type: ignore[arg-type]
            told.append(one)
            if len(told) == enough:
                break
    return told


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(block, "LONGEST_PAUSE", 0.004)


async def test_a_watch_goes_on_from_the_last_version_seen() -> None:
    """A watch that ends or breaks costs no list and no change; bookmarks move the version and are no news."""
    script = Script(
        [([config(5, "a")], "7")],
        [
            [Change("MODIFIED", config(8, "b"))],
            [TransientError("broke")],
            [Change("BOOKMARK", config(11, ""))],
            [Change("DELETED", config(12, "b"))],
        ],
    )
    told = await heard(script, 3)
    assert [(one.whole, one.gone, [item["data"]["v"] for item in one.objects]) for one in told] == [
        (True, False, ["a"]),
        (False, False, ["b"]),
        (False, True, ["b"]),
    ]
    assert script.asked == ["list", "watch 7", "watch 8", "watch 8", "watch 11"]


@pytest.mark.parametrize("seen_first", [True, False], ids=["in the middle", "from the start"])
async def test_a_version_that_is_too_old_is_closed_by_a_list(seen_first: bool) -> None:
    """After 410 the whole is told anew, so that what was missed is seen."""
    gone: list[Any] = [*([Change("MODIFIED", config(8, "b"))] if seen_first else []), ConflictError("410")]
    script = Script([([config(5, "a")], "7"), ([config(20, "z")], "21")], [gone])
    told = await heard(script, 3 if seen_first else 2)
    assert told[-1].whole
    assert told[-1].objects[0]["data"]["v"] == "z"


async def test_a_cluster_may_be_away_for_as_long_as_it_likes() -> None:
    """Listing is tried again until somebody answers."""
    script = Script([*[TransientError("away")] * 5, ([config(5, "a")], "7")], [])
    assert (await heard(script, 1))[0].whole
    assert script.asked == ["list"] * 6


async def test_who_says_where_to_go_on_needs_no_list() -> None:
    """A list that was made already is not made again."""
    script = Script([], [[Change("MODIFIED", config(9, "b"))]])
    assert (await heard(script, 1, version="8"))[0].objects[0]["data"]["v"] == "b"
    assert script.asked == ["watch 8"]


async def test_a_condition_that_holds_already_is_not_waited_for() -> None:
    """Nothing has to change for what is true."""
    assert await Followed(config(1, "a")).until(lambda one: one is not None, 0)
    assert not await Followed(None).until(lambda one: one is not None, 0.01)


async def test_a_change_between_two_looks_is_not_lost() -> None:
    """Who was busy while something changed learns it at once when it asks for the next change."""
    followed = Followed(config(1, "a"))
    followed.take(News([config(2, "b")]))
    async with asyncio.timeout(PATIENCE):
        await followed.change()
    assert followed.object == config(2, "b")


async def test_an_object_that_is_gone_is_none() -> None:
    """Deleted, or not in a whole list: it does not exist."""
    followed = Followed(config(1, "a"))
    followed.take(News([config(1, "a")], gone=True))
    assert followed.object is None
    followed.take(News([config(2, "b")]))
    followed.take(News([], whole=True))
    assert followed.object is None


@pytest.fixture
async def lab(lab_env: dict[str, Any]) -> AsyncIterator[tuple[Cluster, str]]:
    cluster, namespace = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"]), f"follow-{uuid4().hex[:6]}"
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    yield cluster, namespace
    await cluster.delete(NAMESPACE, namespace)
    await cluster.close()


def real(namespace: str, name: str, value: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"v": value},
    }


@pytest.mark.lab
async def test_every_change_on_a_real_cluster_is_seen_in_order(lab: tuple[Cluster, str]) -> None:
    """A hundred changes of two objects while somebody watches: all of them are told, and none of a third object."""
    cluster, namespace = lab
    await cluster.create(real(namespace, "x", "0"))
    seen: list[str] = []

    async def listen() -> None:
        async for told in news(cluster, CONFIG_MAP, namespace, "x"):
            seen.extend("gone" if told.gone else item["data"]["v"] for item in told.objects)
            if told.gone:
                return

    listener = asyncio.create_task(listen())
    while not seen:
        await asyncio.sleep(0.01)
    for number in range(1, 51):
        await cluster.patch(CONFIG_MAP, "x", namespace, {"data": {"v": str(number)}})
        await cluster.apply(real(namespace, "y", str(number)))
    await cluster.delete(CONFIG_MAP, "x", namespace)
    await asyncio.wait_for(listener, PATIENCE)
    assert seen == [*(str(number) for number in range(51)), "gone"]


@pytest.mark.lab
async def test_a_real_cluster_s_forgotten_version_is_closed_by_a_list(lab: tuple[Cluster, str]) -> None:
    """A version that the API server no longer knows leads to a list and not to an error or a gap."""
    cluster, namespace = lab
    await cluster.create(real(namespace, "x", "now"))
    async with asyncio.timeout(PATIENCE):
        async for told in news(cluster, CONFIG_MAP, namespace, "x", version="1"):
            assert told.objects[0]["data"]["v"] == "now"
            break


@pytest.mark.lab
async def test_one_object_is_known_from_the_start_and_waited_for(lab: tuple[Cluster, str]) -> None:
    """The present state needs no change to be known, and a condition is seen when it comes true."""
    cluster, namespace = lab
    await cluster.create(real(namespace, "x", "a"))
    async with following(cluster, CONFIG_MAP, "x", namespace) as followed:
        assert followed.object is not None
        waiting = asyncio.create_task(followed.until(lambda one: bool(one and one["data"]["v"] == "b"), PATIENCE))
        await cluster.patch(CONFIG_MAP, "x", namespace, {"data": {"v": "b"}})
        assert await waiting
    async with following(cluster, CONFIG_MAP, "nobody", namespace) as followed:
        assert followed.object is None
