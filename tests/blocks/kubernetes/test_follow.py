"""Following objects: nothing is missed, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest

from blocks.kubernetes import follow as block
from blocks.kubernetes.api_server import lines
from blocks.kubernetes.cluster import Change, Cluster, Kind
from blocks.kubernetes.follow import News, follow, news
from blocks.kubernetes.kinds import NAMESPACE
from sluice.errors import ConflictError, InvalidError, NotFoundError, SluiceError, TerminalError, TransientError

Object = dict[str, Any]
PATIENCE = 30.0

CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")


def config(version: int, value: str, name: str = "x") -> Object:
    return {"metadata": {"name": name, "namespace": "test", "resourceVersion": str(version)}, "data": {"v": value}}


class Script:
    """A cluster that lists and watches as a test says: each list and each watch is the next line of the script."""

    def __init__(self, lists: list[Any], watches: list[list[Any]]) -> None:
        self.lists, self.watches, self.asked = lists, watches, list[str]()

    async def list_from(self, kind: Kind, namespace: str | None, labels: str | None = None) -> tuple[list[Object], str]:
        self.asked.append("list")
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(
        self, kind: Kind, version: str, namespace: str | None, labels: str | None = None
    ) -> AsyncIterator[Change]:
        self.asked.append(f"watch {version}")
        if not self.watches:
            await asyncio.Event().wait()
        for line in self.watches.pop(0):
            if isinstance(line, Exception):
                raise line
            yield line


async def heard(script: Script, enough: int) -> list[News]:
    """The first news that the script makes."""
    told: list[News] = []
    async with asyncio.timeout(PATIENCE):
        async for one in news(script, CONFIG_MAP, "test"):  # type: ignore[arg-type]
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


async def test_what_asking_again_seldom_helps_is_asked_again_all_the_same() -> None:
    """A right that is given later, a kind that is installed later: nobody has to restart anything."""
    script = Script([TerminalError("403: forbidden"), NotFoundError("no such kind"), ([config(5, "a")], "7")], [])
    assert (await heard(script, 1))[0].whole


async def test_a_server_that_asks_for_time_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """429 with Retry-After is waited for, on top of the backoff."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(block.asyncio, "sleep", sleep)
    script = Script([TransientError("429", retry_after=7.0), ([config(5, "a")], "7")], [])
    await heard(script, 1)
    assert slept[0] >= 7.0


async def taken(script: Script, take: Callable[[News], None], enough: Callable[[], bool]) -> list[SluiceError]:
    """Follow until there is enough; returns what was reported on the way."""
    reported: list[SluiceError] = []
    following = asyncio.create_task(
        follow(script, CONFIG_MAP, take, "test", waiting=reported.append)  # type: ignore[arg-type]
    )
    async with asyncio.timeout(PATIENCE):
        while not enough():
            assert not following.done(), following
            await asyncio.sleep(0.001)
    following.cancel()
    return reported


async def test_an_error_that_nobody_expected_ends_no_watch(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its trace, reported, and followed by a list: objects that are stale for ever are seen by nobody."""
    told: list[News] = []
    script = Script(
        [([config(5, "a")], "7"), ([config(9, "b")], "9")],
        [[Change("MODIFIED", {"metadata": {}})], [Change("MODIFIED", config(10, "c"))]],
    )
    reported = await taken(script, told.append, lambda: len(told) == 3)
    assert [one.objects[0]["data"]["v"] for one in told] == ["a", "b", "c"]
    assert script.asked[:4] == ["list", "watch 7", "list", "watch 9"]
    assert "configmaps" in str(reported[0])
    assert "resourceVersion" in str(reported[0])
    assert any(record.exc_info for record in caplog.records)


async def test_a_reader_that_breaks_gets_the_whole_once_more() -> None:
    """What it made of one change is no reason to be without all later ones."""
    told: list[News] = []

    def take(change: News) -> None:
        told.append(change)
        if len(told) == 2:
            raise RuntimeError("nobody thought of this")

    script = Script([([config(5, "a")], "7"), ([config(9, "b")], "9")], [[Change("MODIFIED", config(8, "b"))], []])
    reported = await taken(script, take, lambda: len(told) == 3)
    assert [one.whole for one in told] == [True, False, True]
    assert "nobody thought of this" in str(reported[0])


async def test_a_storm_of_410_is_no_storm_of_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that forgets each version as soon as it has given it is asked at growing intervals."""
    slept: list[float] = []
    monkeypatch.setattr(block, "LONGEST_PAUSE", 1000.0)
    monkeypatch.setattr(block, "FIRST_PAUSE", 1.0)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(block.asyncio, "sleep", sleep)
    storm = [[Change("MODIFIED", config(8, "b")), ConflictError("410")] for _ in range(6)]
    await heard(Script([([config(5, "a")], "7")] * 7, storm), 13)
    assert all(pause >= 2**turn / 2 for turn, pause in enumerate(slept))


async def test_a_version_that_breaks_each_watch_is_given_up_for_a_list() -> None:
    """A line that is no JSON comes again with every watch from the same version."""
    script = Script([([config(5, "a")], "7"), ([config(9, "b")], "9")], [[TransientError("no JSON")]] * block.DEAF)
    assert [one.whole for one in await heard(script, 2)] == [True, True]
    assert script.asked == ["list", *["watch 7"] * block.DEAF, "list"]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b'{"a":1}\n{"b"', b":2}\n"], [b'{"a":1}', b'{"b":2}']),
        ([b"a", b"b", b"c\n\nd"], [b"abc", b"d"]),
        ([b"x" * 9, b"y\n"], [b"x" * 9 + b"y"]),
    ],
)
async def test_lines_come_whole_however_they_are_cut(chunks: list[bytes], expected: list[bytes]) -> None:
    """Empty ones are left out."""

    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    assert [line async for line in lines(stream(), 10, "watch")] == expected
    with pytest.raises(InvalidError, match="watch"):
        [line async for line in lines(stream(), 0, "watch") if len(line) > 100]


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
        "metadata": {"name": name, "namespace": namespace, "labels": {"of": name}},
        "data": {"v": value},
    }


@pytest.mark.lab
async def test_every_change_on_a_real_cluster_is_seen_in_order(lab: tuple[Cluster, str]) -> None:
    """A hundred changes of two objects while somebody watches: all of them are told, and none of a third object."""
    cluster, namespace = lab
    await cluster.create(real(namespace, "x", "0"))
    seen: list[str] = []

    async def listen() -> None:
        async for told in news(cluster, CONFIG_MAP, namespace, "of=x"):
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
async def test_a_real_cluster_s_forgotten_version_is_a_conflict(lab: tuple[Cluster, str]) -> None:
    """A version that the API server no longer knows is told as such, which leads to a list."""
    cluster, namespace = lab
    await cluster.create(real(namespace, "x", "now"))
    with pytest.raises(ConflictError):
        async for _ in cluster.watch(CONFIG_MAP, "1", namespace):
            pass
