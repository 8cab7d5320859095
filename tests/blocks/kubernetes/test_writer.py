"""Writes of one actor: never without the right to act, never over what somebody else did meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from blocks.kubernetes.informers import Informers, informed
from blocks.kubernetes.kinds import DEPLOYMENT
from blocks.kubernetes.writer import TOKEN_ANNOTATION, TRIES, Writer
from sluice.errors import ConflictError, LostError
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, deployment, merged

Object = dict[str, Any]


@pytest.fixture
def cluster() -> MemoryCluster:
    it = MemoryCluster()
    it.add(deployment(replicas=3))
    return it


@pytest.fixture
async def seen(cluster: MemoryCluster) -> AsyncIterator[Informers]:
    async with informed(cluster) as informers:  # type: ignore[arg-type]
        yield informers


def writer(seen: Informers, check: Callable[[], None] = lambda: None, token: str = "run/1") -> Writer:  # noqa: S107
    return Writer(seen.cluster, seen, check, token)


def replicas(count: int) -> Callable[[Object], Object]:
    return lambda now: {"spec": {"replicas": count}}


async def test_without_the_right_to_act_nothing_is_written(cluster: MemoryCluster, seen: Informers) -> None:
    """A worker whose lease ran out cannot move anything, by any kind of write."""

    def lost() -> None:
        raise LostError("gone")

    hand = writer(seen, lost)
    for act in (
        hand.change(DEPLOYMENT, NAME, NAMESPACE, replicas(1)),
        hand.mark(DEPLOYMENT, NAME, NAMESPACE),
        hand.apply(DEPLOYMENT, deployment(replicas=1)),
        hand.put(DEPLOYMENT, NAME, NAMESPACE, lambda now: deployment(replicas=1)),
        hand.put(DEPLOYMENT, "other", NAMESPACE, lambda now: deployment(replicas=1, name="other")),
    ):
        with pytest.raises(LostError):
            await act
    assert cluster.acts == []


async def test_what_is_wanted_is_asked_again_of_an_object_that_moved(cluster: MemoryCluster, seen: Informers) -> None:
    """A Deployment's controller writes its status all the time: that is no reason to fail, and nothing of it is lost."""
    await seen.get(DEPLOYMENT, NAME, NAMESPACE)
    cluster.add(merged(cluster.now("Deployment", NAME, NAMESPACE), {"metadata": {"labels": {"by": "others"}}}))
    changed = await writer(seen).change(DEPLOYMENT, NAME, NAMESPACE, replicas(1))
    assert changed["metadata"]["labels"]["by"] == "others"
    assert cluster.acts == ["patch Deployment shop with 1"]


async def test_a_wish_that_is_fulfilled_already_writes_nothing(cluster: MemoryCluster, seen: Informers) -> None:
    """Idempotent: also where the fulfilment was seen only after a conflict."""
    await seen.get(DEPLOYMENT, NAME, NAMESPACE)
    cluster.add(merged(cluster.now("Deployment", NAME, NAMESPACE), {"spec": {"replicas": 1}}))
    wish = lambda now: None if now["spec"]["replicas"] == 1 else {"spec": {"replicas": 1}}  # noqa: E731
    await writer(seen).change(DEPLOYMENT, NAME, NAMESPACE, wish)
    assert cluster.acts == []


async def test_an_object_that_never_stands_still_is_a_conflict_and_not_a_loop(
    cluster: MemoryCluster, seen: Informers
) -> None:
    """Somebody who writes faster than we do is told as such."""
    tried: list[Object] = []

    def wish(now: Object) -> Object:
        tried.append(now)
        cluster.add(
            merged(cluster.now("Deployment", NAME, NAMESPACE), {"metadata": {"labels": {"n": str(len(tried))}}})
        )
        return {"spec": {"replicas": 1}}

    with pytest.raises(ConflictError, match="changes faster"):
        await writer(seen).change(DEPLOYMENT, NAME, NAMESPACE, wish)
    assert len(tried) == TRIES
    assert cluster.acts == []


@pytest.mark.parametrize("verb", ["change", "apply"])
async def test_a_writer_that_sleeps_between_check_and_write_is_refused_after_a_takeover(
    cluster: MemoryCluster, seen: Informers, verb: str
) -> None:
    """The fence: it wakes up with an old version in its hand, and its right to act is asked again before any new try."""
    awake = True

    def check() -> None:
        nonlocal awake
        if not awake:
            raise LostError("its lease ran out")
        awake = False

    sleeper = writer(seen, check)
    real = cluster.patch if verb == "change" else cluster.apply

    async def slow(*args: Any, **kwargs: Any) -> Object:
        """While it sleeps another worker takes over, marks, and finds nothing to change."""
        setattr(cluster, "patch" if verb == "change" else "apply", real)
        async with informed(cluster) as theirs:  # type: ignore[arg-type]
            await writer(theirs, token="other/2").mark(DEPLOYMENT, NAME, NAMESPACE)
        return await real(*args, **kwargs)

    setattr(cluster, "patch" if verb == "change" else "apply", slow)
    act = {
        "change": lambda: sleeper.change(DEPLOYMENT, NAME, NAMESPACE, replicas(9)),
        "apply": lambda: sleeper.apply(DEPLOYMENT, deployment(replicas=9)),
    }
    with pytest.raises(LostError):
        await act[verb]()
    now = cluster.now("Deployment", NAME, NAMESPACE)
    assert now["spec"]["replicas"] == 3
    assert now["metadata"]["annotations"][TOKEN_ANNOTATION] == "other/2"


async def test_a_mark_is_made_once_and_nowhere_where_nothing_is(cluster: MemoryCluster, seen: Informers) -> None:
    """Taking over twice costs one write; a primary that was not made yet needs none."""
    for _ in range(2):
        await writer(seen).mark(DEPLOYMENT, NAME, NAMESPACE)
        await writer(seen).mark(DEPLOYMENT, "nobody", NAMESPACE)
    assert cluster.acts == ["patch Deployment shop with 3"]


async def test_what_is_not_there_is_made_by_apply(cluster: MemoryCluster, seen: Informers) -> None:
    """There is no version to fence with, and none is needed."""
    cluster.objects.pop(("Deployment", NAMESPACE, NAME))
    await writer(seen).apply(DEPLOYMENT, deployment(replicas=2))
    assert cluster.acts == ["apply Deployment shop with 2"]


async def test_what_is_put_is_there_whole_and_keeps_what_others_noted(cluster: MemoryCluster, seen: Informers) -> None:
    """Nothing of the old spec is left in it; annotations are of whoever made them; made where there was nothing."""
    cluster.add(merged(cluster.now("Deployment", NAME, NAMESPACE), {"spec": {"paused": True}}))
    cluster.add(merged(cluster.now("Deployment", NAME, NAMESPACE), {"metadata": {"annotations": {"theirs": "1"}}}))
    hand = writer(seen)
    await hand.put(DEPLOYMENT, NAME, NAMESPACE, lambda now: deployment("new", replicas=1))
    now = cluster.now("Deployment", NAME, NAMESPACE)
    assert now["spec"] == deployment("new", replicas=1)["spec"]
    assert now["metadata"]["annotations"] == {"theirs": "1"}
    await hand.put(DEPLOYMENT, "other", NAMESPACE, lambda now: None if now else deployment(name="other"))
    before = list(cluster.acts)
    await hand.put(DEPLOYMENT, "other", NAMESPACE, lambda now: None if now else deployment(name="other"))
    assert cluster.acts == before == ["replace Deployment shop with 1", "create Deployment other with 2"]


async def test_what_somebody_made_meanwhile_is_seen_before_it_is_put_over(
    cluster: MemoryCluster, seen: Informers
) -> None:
    """A creation never changes what is there: what is wanted is asked again, of that."""
    asked: list[Object | None] = []

    def wish(now: Object | None) -> Object | None:
        asked.append(now)
        if now is None:
            cluster.add(deployment(replicas=7, name="other"))
            return deployment(replicas=1, name="other")
        return None

    await writer(seen).put(DEPLOYMENT, "other", NAMESPACE, wish)
    assert [one and one["spec"]["replicas"] for one in asked] == [None, 7]
    assert cluster.acts == []
