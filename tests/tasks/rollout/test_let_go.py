"""A Canary is deleted: its application is its owner's again, and where that is asked for it serves its users before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY
from deployments.keeper.keeper import Keeper
from sluice.errors import TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.tending.finalizer import FINALIZER
from tasks.rollout.let_go import let_go
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.deployments.keeper.test_keeper import REAL, kept, quiet, whole
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage
from tests.tasks.rollout.test_made_again import made_again, once
from tests.tasks.scene.test_tend import at_rest, released

OWN = {"metadata": {"finalizers": ["somebody.else/finalizer"]}}


async def reverting(stage: Stage) -> Stage:
    """A Canary whose target gets the users back."""
    stage.change("Canary", NAME, {"spec": {"revertOnDeletion": True}, **OWN})
    return await whole(stage)


def delete(stage: Stage) -> None:
    """What `kubectl delete` does to an object with finalizers."""
    stage.change("Canary", NAME, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})


def finalizers(stage: Stage) -> list[str]:
    return list(stage.now("Canary", NAME)["metadata"].get("finalizers") or [])


def images(stage: Stage) -> set[str]:
    return {image_of(pod) for pod in stage.cluster.pods(NAME, NAMESPACE)}


async def ended(stage: Stage) -> bool:
    """Let go, as the run of a release does."""
    async with asyncio.timeout(20), connected(stage.cluster, **REAL), claimed(stage.ref, "run"):
        canary = Canary.parse(await connections().informers.get(CANARY, NAME, NAMESPACE))
        return await let_go.fn(stage.ref, canary.spec.target_ref)


async def test_a_canary_waits_for_its_end_where_its_manifest_asks_for_it() -> None:
    """By Flagger's finalizer; the ones of others stay, and a manifest that asks no longer takes it away."""
    stage = await reverting(at_rest())
    async with kept(stage):
        pass
    assert finalizers(stage) == ["somebody.else/finalizer", FINALIZER]
    async with kept(stage):
        stage.change("Canary", NAME, {"spec": {"revertOnDeletion": None}})
    assert finalizers(stage) == ["somebody.else/finalizer"]


async def test_at_rest_the_target_serves_before_the_canary_goes() -> None:
    """As many pods as the primary has; then the way leads there; then the finalizer goes, and says so in the phases."""
    stage, phases = await reverting(at_rest()), []

    def note(when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "after" and item["kind"] == "Canary":
            phases.append((item["status"]["phase"], len(stage.cluster.pods(NAME, NAMESPACE))))

    async with kept(stage):
        stage.cluster.hooks.append(note)
        delete(stage)
    assert finalizers(stage) == ["somebody.else/finalizer"]
    assert images(stage) == {OLD_IMAGE}
    assert phases[0] == ("Terminating", 0)
    assert ("Terminated", 2) in phases


async def test_in_a_release_its_run_gives_the_application_back() -> None:
    """The keeper leaves it to that."""
    stage = await reverting(released())
    async with kept(stage):
        pass
    delete(stage)
    assert await ended(stage)
    assert finalizers(stage) == ["somebody.else/finalizer"]
    assert images(stage) == {NEW_IMAGE}
    assert stage.status["phase"] == "Terminated"


async def test_a_target_that_does_not_come_up_keeps_the_users_on_the_primary() -> None:
    """The Canary waits: nothing that serves is taken away."""
    stage = await reverting(at_rest())
    stage.change("Canary", NAME, {"spec": {"progressDeadlineSeconds": 0.05}})
    async with kept(stage):
        pass
    stage.cluster.broken_images.add(OLD_IMAGE)
    delete(stage)
    with pytest.raises(
        TransientError, match="shop did not become ready, so users stay on shop-primary: pod shop-pod-0"
    ):
        await ended(stage)
    assert FINALIZER in finalizers(stage)
    assert stage.now("HTTPRoute", NAME)
    (said,) = [one for one in stage.status["conditions"] if one["type"] == "Promoted"]
    assert (stage.status["phase"], said["reason"]) == ("Terminating", "Terminating")
    assert said["message"].startswith("shop did not become ready, so users stay on shop-primary: pod shop-pod-0")
    version = stage.now("Canary", NAME)["metadata"]["resourceVersion"]
    with pytest.raises(TransientError):
        await ended(stage)
    assert stage.now("Canary", NAME)["metadata"]["resourceVersion"] == version, "it is said once"


async def test_somebody_s_service_in_the_canary_s_place_is_waited_for_and_then_made_again() -> None:
    """Users stay where they are until nobody stands in the way; a person then has nothing more to do."""
    stage = await reverting(at_rest())
    async with kept(stage):
        pass
    stage.cluster.objects.pop(("Service", NAMESPACE, f"{NAME}-canary"))
    stage.cluster.add({"kind": "Service", "metadata": {"name": f"{NAME}-canary", "namespace": NAMESPACE}, "spec": {}})
    delete(stage)
    with pytest.raises(TransientError, match=r"so users stay on shop-primary: .*Service .*shop-canary"):
        await ended(stage)
    assert FINALIZER in finalizers(stage)
    assert stage.now("HTTPRoute", NAME)
    stage.cluster.objects.pop(("Service", NAMESPACE, f"{NAME}-canary"))
    assert await ended(stage)
    assert finalizers(stage) == ["somebody.else/finalizer"]


async def test_a_target_that_is_made_again_while_it_is_given_the_users_gets_them_when_it_serves() -> None:
    """Without pods, for instance: what was written of the first one holds for it no more."""
    stage = await reverting(at_rest())
    async with kept(stage):
        pass
    once(stage, "patch", NAME, lambda: stage.cluster.unready.add(NAME), "before")

    def again() -> None:
        stage.cluster.unready.clear()
        made_again(stage, NAME, OLD_IMAGE)

    once(stage, "patch", NAME, again)
    delete(stage)
    with pytest.raises(TransientError, match="shop was deleted and made again"):
        await ended(stage)
    assert FINALIZER in finalizers(stage)
    assert await ended(stage)
    assert finalizers(stage) == ["somebody.else/finalizer"]


async def test_nobody_lets_go_of_a_canary_that_is_there() -> None:
    """A target that was not found is another matter."""
    assert not await ended(await whole(released()))


async def test_without_being_asked_only_what_was_frozen_is_thawed() -> None:
    """What the Canary owns is collected with it."""
    stage = await whole(released())
    delete(stage)
    stage.acts.clear()
    assert await ended(stage)
    assert [act for act in stage.acts if "HTTPRoute" in act or "primary" in act] == []


async def test_a_keeper_has_nothing_to_do_afterwards() -> None:
    """Also of a Canary that somebody else's finalizer keeps."""
    stage = await reverting(at_rest())
    async with kept(stage):
        delete(stage)
    stage.acts.clear()
    async with asyncio.timeout(20), connected(stage.cluster, **REAL) as wired:
        keeper = Keeper.of(wired)
        task = asyncio.create_task(keeper.keep())
        await quiet(keeper)
        task.cancel()
    assert stage.acts == []
