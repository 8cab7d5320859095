"""The keeper: what somebody changes or deletes of what a Canary brings forth is put right, by one process, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.connections import Connections
from blocks.kubernetes.kinds import CANARY, WORKLOAD_KINDS
from deployments.keeper import acting
from deployments.keeper.keeper import Keeper
from sluice.manifests.flagger.phase import Phase
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, deployment
from tests.tasks.conftest import OLD_IMAGE, Stage, parts
from tests.tasks.scene.test_tend import PRIMARY, at_rest, lost, released

DEPLOYMENT = WORKLOAD_KINDS["Deployment"]


@asynccontextmanager
async def kept(stage: Stage, name: str = "test") -> AsyncIterator[Connections]:
    """A process with a keeper that has looked at all there is."""
    async with asyncio.timeout(20), connected(stage.cluster, name, **parts(stage)) as wired:
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


def edit(stage: Stage, image: str) -> None:
    (container,) = stage.now("Deployment", PRIMARY)["spec"]["template"]["spec"]["containers"]
    stage.change("Deployment", PRIMARY, {"spec": {"template": {"spec": {"containers": [{**container, "image": image}]}}}})


@pytest.mark.parametrize("state", [at_rest, released], ids=["at rest", "under way"])
async def test_where_all_is_right_nothing_is_written(state: Any) -> None:
    """Not a lease either: Canaries at rest cost nothing."""
    stage = state()
    versions = stage.cluster.version
    async with kept(stage):
        leases = [key for key in stage.cluster.objects if key[0] == "Lease" and key[2] == f"sluice-{NAME}"]
    assert (acts(stage), leases) == ([], [])
    assert stage.cluster.version - versions < 4, "only the worker's own lease is written"


async def test_what_was_deleted_is_made_again_and_people_read_it_once() -> None:
    """The Canary's Lease is free again afterwards."""
    stage = at_rest()
    async with kept(stage):
        lost(stage)
    assert {image_of(pod) for pod in stage.cluster.pods(PRIMARY, NAMESPACE)} == {OLD_IMAGE}
    assert events(stage) == [("Restored", f"Put right what somebody had changed or deleted: Deployment {PRIMARY}")]
    assert stage.now("Lease", f"sluice-{NAME}")["spec"]["holderIdentity"] == ""


async def test_what_was_deleted_while_no_worker_was_there_is_made_again_when_one_starts() -> None:
    """It looks at all of them once."""
    stage = lost(at_rest())
    async with kept(stage):
        pass
    assert {image_of(pod) for pod in stage.cluster.pods(PRIMARY, NAMESPACE)} == {OLD_IMAGE}


async def test_while_a_run_of_this_process_has_the_canary_it_is_put_right_under_its_lease() -> None:
    """The run goes on; it need not know."""
    stage = released()
    async with kept(stage), claimed(stage.ref, "run") as lease:
        holder = stage.now("Lease", f"sluice-{NAME}")["spec"]["holderIdentity"]
        edit(stage, "registry/shop:by-hand")
        while image(stage) != OLD_IMAGE:
            await asyncio.sleep(0.01)
        assert lease.owned
        assert stage.now("Lease", f"sluice-{NAME}")["spec"]["holderIdentity"] == holder
    assert stage.route.weights[NAME] == 30, "the traffic is the run's"


async def test_what_another_process_has_is_left_to_that_one() -> None:
    """Its own keeper hears the same; once it lets go, this one acts."""
    stage = released(phase=Phase.PROGRESSING)
    async with connected(stage.cluster, "other", **parts(stage)), claimed(stage.ref, "run"):
        async with kept(stage, "mine"):
            edit(stage, "registry/shop:by-hand")
            await asyncio.sleep(0.5)
            assert acts(stage) == []
        assert image(stage) == "registry/shop:by-hand"


async def test_a_fight_is_called_one_and_slows_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever it is would else cost the API server writes for ever, and the users a rollover of the primary each time."""
    monkeypatch.setattr(acting, "APART", 1000.0)
    stage = at_rest()

    def fights(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, verb, item["metadata"]["name"]) == ("after", "apply", PRIMARY):
            asyncio.get_running_loop().call_later(0.01, lambda: edit(stage, "registry/shop:by-hand"))

    stage.cluster.hooks.append(fights)
    async with kept(stage):
        edit(stage, "registry/shop:by-hand")
    assert acts(stage).count(f"apply Deployment {PRIMARY} with 2") == acting.MOST
    (said,) = [message for reason, message in events(stage) if reason == "Contested"]
    condition = next(one for one in stage.status["conditions"] if one["type"] == "Kept")
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Contested", said)


async def test_what_cannot_be_put_right_is_said_once_and_made_right_when_it_can() -> None:
    """With the way out; tried again without anybody asking."""
    stage = lost(at_rest())
    stage.cluster.add(deployment("registry/other:1", name=PRIMARY))
    async with kept(stage):
        (said,) = [message for reason, message in events(stage) if reason == "NotRestored"]
        assert "exists and is not" in said
        condition = next(one for one in stage.status["conditions"] if one["type"] == "Kept")
        assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Refused", said)
        lost(stage)
    assert {image_of(pod) for pod in stage.cluster.pods(PRIMARY, NAMESPACE)} == {OLD_IMAGE}
    condition = next(one for one in stage.status["conditions"] if one["type"] == "Kept")
    assert (condition["status"], condition["reason"]) == ("True", "Right")


@pytest.mark.parametrize("finalizers", [[], ["foregroundDeletion"]])
async def test_what_a_deleted_canary_leaves_is_not_made_again(finalizers: list[str]) -> None:
    """The garbage collector takes it away object by object."""
    stage = at_rest()
    async with kept(stage):
        if finalizers:
            gone = {"finalizers": finalizers, "deletionTimestamp": "2026-01-01T00:00:00Z"}
            stage.change("Canary", NAME, {"metadata": gone})
        else:
            stage.cluster.vanish(CANARY, NAME, NAMESPACE)
        lost(stage)
    assert acts(stage) == []
