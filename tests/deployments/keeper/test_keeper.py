"""The keeper: what is changed or deleted of what a Canary brings forth is put right, by one process, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.connections import Connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import CANARY, HTTP_ROUTE, SERVICE, WORKLOAD_KINDS
from blocks.routers import router_for
from deployments.keeper import acting
from deployments.keeper.keeper import Keeper
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.routes.gateway_api import GatewayApi
from sluice.rollout.strategies.base import Traffic
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import Scene
from tasks.scene.tend import tend
from tests.connected import connected
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, deployment
from tests.tasks.conftest import OLD_IMAGE, Stage
from tests.tasks.scene.test_tend import PRIMARY, at_rest, lost, released

DEPLOYMENT = WORKLOAD_KINDS["Deployment"]


REAL: dict[str, Any] = {"router": router_for, "metrics": None, "gates": None}
"""The connections of a process whose Services and routes are objects of the cluster."""


async def whole(stage: Stage) -> Stage:
    """The Canary with its Services and its route, as its manifest and its journal say."""
    async with asyncio.timeout(20), connected(stage.cluster, "before", **REAL), claimed(stage.ref, "before"):
        scene = await Scene.of(stage.ref)
        await tend(scene)
        await scene.router.shift(scene.canary, Traffic(scene.canary.status.canary_weight))
    stage.acts.clear()
    return stage


@asynccontextmanager
async def kept(stage: Stage, name: str = "test") -> AsyncIterator[Connections]:
    """A process with a keeper that has looked at all there is."""
    async with asyncio.timeout(20), connected(stage.cluster, name, **REAL) as wired:
        keeper = Keeper.of(wired)
        task = asyncio.create_task(keeper.keep())
        try:
            await quiet(keeper)
            yield wired
            await quiet(keeper)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def quiet(keeper: Keeper) -> None:
    """Return when it has nothing to do for a while."""
    calm = 0
    while calm < 15:
        await asyncio.sleep(0.02)
        soon = [at for at in keeper._due.values() if at < asyncio.get_running_loop().time() + 0.2]
        calm = 0 if keeper._busy or soon else calm + 1


def events(stage: Stage) -> list[tuple[str, str]]:
    return [(one["reason"], one["message"]) for (kind, *_), one in stage.cluster.objects.items() if kind == "Event"]


def acts(stage: Stage) -> list[str]:
    return [act for act in stage.acts if not act.startswith("create Event")]


def image(stage: Stage) -> str:
    (container,) = stage.now("Deployment", PRIMARY)["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def weight(stage: Stage) -> int | None:
    return GatewayApi().weight(Canary.parse(stage.now("Canary", NAME)), stage.now("HTTPRoute", NAME))


def edit(stage: Stage, image: str) -> None:
    (container,) = stage.now("Deployment", PRIMARY)["spec"]["template"]["spec"]["containers"]
    stage.change(
        "Deployment", PRIMARY, {"spec": {"template": {"spec": {"containers": [{**container, "image": image}]}}}}
    )


@pytest.mark.parametrize("state", [at_rest, released], ids=["at rest", "under way"])
async def test_where_all_is_right_nothing_is_written(state: Any) -> None:
    """Not a lease either: Canaries at rest cost nothing."""
    stage = await whole(state())
    versions, version = stage.cluster.version, stage.now("Lease", f"sluice-{NAME}")["metadata"]["resourceVersion"]
    async with kept(stage):
        leases = [key for key in stage.cluster.objects if key[0] == "Lease" and key[2] == f"sluice-{NAME}"]
        assert stage.now("Lease", leases[0][2])["metadata"]["resourceVersion"] == version
    assert (acts(stage), len(leases)) == ([], 1)
    assert stage.cluster.version - versions < 4, "only the worker's own lease is written"


async def test_what_was_deleted_is_made_again_and_people_read_it_once() -> None:
    """The Canary's Lease is free again afterwards."""
    stage = await whole(at_rest())
    async with kept(stage):
        lost(stage)
    assert {image_of(pod) for pod in stage.cluster.pods(PRIMARY, NAMESPACE)} == {OLD_IMAGE}
    assert events(stage) == [("Restored", f"Put right what somebody had changed or deleted: Deployment {PRIMARY}")]
    assert stage.now("Lease", f"sluice-{NAME}")["spec"]["holderIdentity"] == ""


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(HTTP_ROUTE, NAME, id="the route"),
        pytest.param(SERVICE, f"{NAME}-canary", id="the canary's Service"),
        pytest.param(SERVICE, f"{NAME}-primary", id="the primary's Service"),
        pytest.param(SERVICE, NAME, id="the apex Service"),
    ],
)
@pytest.mark.parametrize("state", [at_rest, released], ids=["at rest", "under way"])
async def test_what_leads_users_there_is_made_again(state: Any, kind: Kind, name: str) -> None:
    """As it was; of a release under way a route that was taken away comes back at home, and its run shifts it once more."""
    stage = await whole(state())
    before = stage.now(kind.kind, name)["spec"]
    async with kept(stage):
        stage.cluster.vanish(kind, name, NAMESPACE)
    if kind == HTTP_ROUTE:
        assert weight(stage) == 0
    else:
        assert stage.now(kind.kind, name)["spec"] == before
    assert ("Restored", f"Put right what somebody had changed or deleted: {kind.kind} {name}") in events(stage)


async def test_a_route_that_somebody_shifts_at_rest_is_put_back() -> None:
    """The canary has no pods then."""
    stage = await whole(at_rest())
    route = stage.now("HTTPRoute", NAME)
    async with kept(stage):
        shifted = GatewayApi().shifted(Canary.parse(stage.now("Canary", NAME)), route, Traffic(40))
        stage.change("HTTPRoute", NAME, shifted or {})
        assert weight(stage) == 40
    assert weight(stage) == 0


async def test_what_was_deleted_while_no_worker_was_there_is_made_again_when_one_starts() -> None:
    """It looks at all of them once."""
    stage = lost(await whole(at_rest()))
    async with kept(stage):
        pass
    assert {image_of(pod) for pod in stage.cluster.pods(PRIMARY, NAMESPACE)} == {OLD_IMAGE}


async def test_while_a_run_of_this_process_has_the_canary_it_is_put_right_under_its_lease() -> None:
    """The run goes on; it need not know."""
    stage = await whole(released())
    async with kept(stage), claimed(stage.ref, "run") as lease:
        holder = stage.now("Lease", f"sluice-{NAME}")["spec"]["holderIdentity"]
        edit(stage, "registry/shop:by-hand")
        while image(stage) != OLD_IMAGE:
            await asyncio.sleep(0.01)
        assert lease.owned
        assert stage.now("Lease", f"sluice-{NAME}")["spec"]["holderIdentity"] == holder
    assert weight(stage) == 30, "the traffic is the run's"


async def test_what_another_process_has_is_left_to_that_one() -> None:
    """Its own keeper hears the same; once it lets go, this one acts."""
    stage = await whole(released(phase=Phase.PROGRESSING))
    async with connected(stage.cluster, "other", **REAL), claimed(stage.ref, "run"):
        async with kept(stage, "mine"):
            edit(stage, "registry/shop:by-hand")
            await asyncio.sleep(0.5)
            assert acts(stage) == []
        assert image(stage) == "registry/shop:by-hand"


async def test_a_fight_is_called_one_and_slows_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would else cost the API server writes for ever, and the users a rollover of the primary each time."""
    monkeypatch.setattr(acting, "APART", 1000.0)
    stage = await whole(at_rest())

    def fights(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, verb, item["metadata"]["name"]) == ("after", "apply", PRIMARY):
            asyncio.get_running_loop().call_later(0.01, lambda: edit(stage, "registry/shop:by-hand"))

    stage.cluster.hooks.append(fights)
    async with kept(stage):
        edit(stage, "registry/shop:by-hand")
    assert acts(stage).count(f"apply Deployment {PRIMARY} with 2") == acting.MOST + 1
    (said,) = [message for reason, message in events(stage) if reason == "Contested"]
    condition = next(one for one in stage.status["conditions"] if one["type"] == "Kept")
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Contested", said)


async def test_what_cannot_be_put_right_is_said_once_and_made_right_when_it_can() -> None:
    """With the way out; tried again without anybody asking."""
    stage = lost(await whole(at_rest()))
    stage.cluster.add(deployment("registry/other:1", name=PRIMARY))
    async with kept(stage):
        (said,) = [message for reason, message in events(stage) if reason == "NotRestored"]
        assert "exists and was not made by sluice" in said
        condition = next(one for one in stage.status["conditions"] if one["type"] == "Kept")
        assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Refused", said)
        lost(stage)
    assert {image_of(pod) for pod in stage.cluster.pods(PRIMARY, NAMESPACE)} == {OLD_IMAGE}
    condition = next(one for one in stage.status["conditions"] if one["type"] == "Kept")
    assert (condition["status"], condition["reason"]) == ("True", "Right")


@pytest.mark.parametrize("finalizers", [[], ["foregroundDeletion"]])
async def test_what_a_deleted_canary_leaves_is_not_made_again(finalizers: list[str]) -> None:
    """The garbage collector takes it away object by object."""
    stage = await whole(at_rest())
    async with kept(stage):
        if finalizers:
            gone = {"finalizers": finalizers, "deletionTimestamp": "2026-01-01T00:00:00Z"}
            stage.change("Canary", NAME, {"metadata": gone})
        else:
            stage.cluster.vanish(CANARY, NAME, NAMESPACE)
        lost(stage)
    assert acts(stage) == []


@pytest.mark.parametrize("turns", range(6))
async def test_a_keeper_that_is_stopped_as_it_is_woken_ends(turns: int) -> None:
    """A cancel that comes so many turns of the loop after a change is not lost: the process could not stop any more."""
    stage = await whole(at_rest())
    async with asyncio.timeout(20), connected(stage.cluster, **REAL) as wired:
        keeper = Keeper.of(wired)
        task = asyncio.create_task(keeper.keep())
        await quiet(keeper)
        for pause in (10, turns):  # the second change comes while the first one waits to be looked at
            keeper.hear(CANARY, stage.now("Canary", NAME), True)
            for _ in range(pause):
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled()
