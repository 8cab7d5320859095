"""KEDA's ScaledObject of a target rests while the target does, and scales it while it is released."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import SCALED_OBJECT
from sluice.errors import ConflictError, NotFoundError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.autoscalers.scaled_object import PAUSED
from sluice.rollout.decision import Outcome
from tasks.rollout.finalise import finalise
from tasks.rollout.initialise import initialise
from tasks.rollout.roll_back import roll_back
from tasks.rollout.scale_up import scale_up
from tasks.rollout.supersede import supersede
from tasks.scene import autoscaler
from tests.deployments.keeper.test_keeper import kept, whole
from tests.deployments.keeper.test_target_gone import said
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import Stage, staged
from tests.tasks.rollout.test_going_forward import fresh
from tests.tasks.rollout.test_let_go import delete, ended, reverting
from tests.tasks.scene.test_tend import at_rest

Object = dict[str, Any]
KIND = "ScaledObject"
REF = {"apiVersion": "keda.sh/v1alpha1", "kind": KIND, "name": NAME}


def scaled_object(name: str = NAME, **annotations: str) -> Object:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": KIND,
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
        "spec": {
            "scaleTargetRef": {"name": NAME},
            "triggers": [{"type": "prometheus", "metadata": {"query": f'x{{app="{NAME}"}}'}}],
        },
    }


class Keda:
    """What KEDA does: it holds a target at what its ScaledObject is paused at, and says whether it is."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.cluster, self.slow = stage, stage.cluster, False
        self.cluster.hooks.append(self.hook)
        self.paused: str | None = None

    def hook(self, when: str, verb: str, item: Object) -> None:
        if when != "after" or item["kind"] not in {KIND, "Deployment"} or item["metadata"]["name"] != NAME:
            return
        if item["kind"] == KIND and not self.slow:
            self.looks()
        elif self.paused is not None and item["kind"] == "Deployment":
            self.holds()

    def looks(self) -> None:
        item = self.cluster.now(KIND, NAME, NAMESPACE)
        self.paused = (item["metadata"].get("annotations") or {}).get(PAUSED)
        state = "False" if self.paused is None else "True"
        self.cluster.add({**item, "status": {"conditions": [{"type": "Paused", "status": state}]}})
        if self.paused is not None:
            self.holds()

    def holds(self) -> None:
        if self.cluster.now("Deployment", NAME, NAMESPACE)["spec"]["replicas"] != int(self.paused or 0):
            self.stage.change("Deployment", NAME, {"spec": {"replicas": int(self.paused or 0)}})


def scaled(stage: Stage, **annotations: str) -> Keda:
    """The Canary names a ScaledObject that is there, and KEDA runs."""
    stage.change("Canary", NAME, {"spec": {"autoscalerRef": REF}})
    stage.cluster.add(scaled_object(**annotations))
    keda = Keda(stage)
    keda.looks()
    return keda


def paused(stage: Stage) -> str | None:
    notes: Object = stage.now(KIND, NAME)["metadata"].get("annotations") or {}
    return notes.get(PAUSED)


def replicas(stage: Stage) -> int:
    return int(stage.now("Deployment", NAME)["spec"]["replicas"])


def test_it_rests_when_the_primary_serves_alone(play: Any) -> None:
    """KEDA would scale the target up once more; the primary's copy scales the primary."""
    stage = fresh()
    scaled(stage)
    play(stage, initialise)
    assert (paused(stage), replicas(stage)) == ("0", 0)
    copied = stage.now(KIND, "shop-primary")
    assert copied["spec"]["scaleTargetRef"] == {"name": "shop-primary"}
    assert copied["spec"]["triggers"][0]["metadata"] == {"query": 'x{app="shop-primary"}'}


def test_a_release_wakes_it_before_the_canary_gets_its_pods(play: Any) -> None:
    """KEDA, paused at none, would take them away."""
    stage = staged(replicas=0, weight=0)
    scaled(stage, **{PAUSED: "0"})
    assert play(stage, scale_up).scaled
    assert (paused(stage), replicas(stage)) == (None, 2)
    woken = next(index for index, act in enumerate(stage.acts) if KIND in act and "shop" in act)
    assert woken < stage.acts.index("patch Deployment shop with 2")


def test_it_is_waited_for_until_keda_has_seen_it(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its controller may be a moment behind."""
    stage, waits = staged(replicas=0, weight=0), 0
    keda = scaled(stage, **{PAUSED: "0"})
    keda.slow = True
    sleep = asyncio.sleep

    async def later(seconds: float) -> None:
        nonlocal waits
        if seconds == autoscaler.LOOK:
            waits += 1
            if waits == 3:
                keda.looks()
        await sleep(0)

    monkeypatch.setattr(autoscaler.asyncio, "sleep", later)
    assert play(stage, scale_up).scaled
    assert (waits, replicas(stage)) == (3, 2)


def test_a_keda_that_is_away_holds_a_release_up_for_a_moment_only(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes nothing away then."""
    stage = staged(replicas=0, weight=0)
    scaled(stage, **{PAUSED: "0"})
    stage.cluster.hooks.clear()
    monkeypatch.setattr(autoscaler, "WAKES_WITHIN", 0.05)
    monkeypatch.setattr(autoscaler, "LOOK", 0.01)
    assert play(stage, scale_up).scaled


ENDS = [
    pytest.param(finalise, {"phase": Phase.FINALISING}, {}, id="promoted"),
    pytest.param(roll_back, {}, {"reason": "bad"}, id="rolled back"),
    pytest.param(supersede, {}, {"outcome": Outcome.REVERTED}, id="put back"),
]


@pytest.mark.parametrize(("task", "status", "decision"), ENDS)
def test_whatever_a_release_ends_in_it_rests(play: Any, task: Any, status: Object, decision: Object) -> None:
    """With the traffic at home."""
    stage = staged(weight=0, **status)
    scaled(stage)
    play(stage, task, **decision)
    assert (paused(stage), replicas(stage)) == ("0", 0)


def test_a_pause_of_its_owner_s_comes_back_in_the_release(play: Any) -> None:
    """Somebody holds it at five: so many pods the canary has."""
    stage = staged(weight=0, phase=Phase.FINALISING)
    scaled(stage, **{PAUSED: "5"})
    play(stage, finalise)
    assert paused(stage) == "0"
    stage.change("Canary", NAME, {"status": {"phase": Phase.PROGRESSING}})
    assert play(stage, scale_up).scaled
    assert paused(stage) == "5"


async def test_at_rest_a_pause_that_somebody_took_away_is_put_back() -> None:
    """KEDA has scaled the target up by then: pods that nobody has judged, and that no user meets."""
    stage = await whole(at_rest())
    scaled(stage, **{PAUSED: "0"})
    async with kept(stage):
        stage.change(KIND, NAME, {"metadata": {"annotations": {PAUSED: None}}})
        stage.change("Deployment", NAME, {"spec": {"replicas": 1}})
    assert (paused(stage), replicas(stage)) == ("0", 0)


async def test_an_application_that_is_given_back_is_scaled_by_keda_again() -> None:
    """Before its Canary goes."""
    stage = await reverting(at_rest())
    scaled(stage, **{PAUSED: "0"})
    async with kept(stage):
        pass
    delete(stage)
    assert await ended(stage)
    assert (paused(stage), replicas(stage)) == (None, 2)


def test_a_run_that_was_fenced_out_cannot_pause_it_in_the_middle_of_a_release(fence: Any) -> None:
    """KEDA would take the pods of a canary that has users."""
    stage = staged(weight=30)
    scaled(stage)
    version = stage.now(KIND, NAME)["metadata"]["resourceVersion"]
    fence(stage)
    late = {"metadata": {"resourceVersion": version, "annotations": {PAUSED: "0"}}}
    with pytest.raises(ConflictError):
        asyncio.run(stage.cluster.patch(SCALED_OBJECT, NAME, NAMESPACE, late))


@pytest.mark.parametrize("installed", [True, False], ids=["not applied yet", "no KEDA"])
async def test_one_that_is_not_there_holds_nobody_up_and_people_read_what_is_lacking(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the Canary's condition, with the way out; once it is there the primary has its copy."""
    stage = await whole(at_rest())
    stage.change("Canary", NAME, {"spec": {"autoscalerRef": REF}})

    async def lacking(self: MemoryCluster, api_version: str, kind: str) -> Any:
        raise NotFoundError(f"the cluster does not serve {kind} of {api_version}: is its CRD installed?")

    with monkeypatch.context() as without:
        if not installed:
            without.setattr(MemoryCluster, "resource_for", lacking)
        async with kept(stage):
            pass
    assert (said(stage)["status"], said(stage)["reason"]) == ("False", "NoAutoscaler")
    why = "which does not exist: apply it" if installed else r"the cluster has no such kind (keda.sh/v1alpha1)"
    assert (
        f"spec.autoscalerRef names ScaledObject shop, {'and ' if not installed else ''}{why}" in said(stage)["message"]
    )
    stage.cluster.add(scaled_object(**{PAUSED: "0"}))
    async with kept(stage):
        pass
    assert stage.now(KIND, "shop-primary")
    assert (said(stage)["status"], said(stage)["reason"]) == ("True", "Right")
