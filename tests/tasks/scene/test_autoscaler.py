"""The primary's autoscaler is the target's under its own name, and follows it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sluice.errors import InvalidError
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import Scene
from tasks.scene.tend import tend
from tests.connected import connected
from tests.samples import NAMESPACE
from tests.tasks.conftest import Stage, parts, staged

Object = dict[str, Any]
KIND = "HorizontalPodAutoscaler"
REF = {"apiVersion": "autoscaling/v2", "kind": KIND, "name": "shop"}
METRICS = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
]


def scaler(name: str = "shop", **spec: Any) -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"kustomize.toolkit.fluxcd.io/name": "a", "x": "y"},
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "minReplicas": 2,
            "maxReplicas": 9,
            "metrics": METRICS,
            **spec,
        },
    }


def tended(stage: Stage) -> Object | None:
    """The primary's autoscaler once the Canary was tended."""

    async def it() -> None:
        async with asyncio.timeout(20), connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
            await tend(await Scene.of(stage.ref))

    asyncio.run(it())
    return stage.cluster.objects.get((KIND, NAMESPACE, "shop-primary"))


def autoscaled(ref: Object | None = None) -> Stage:
    stage = staged({"autoscalerRef": ref or REF})
    stage.cluster.add(scaler())
    return stage


def test_the_primary_has_a_copy_that_scales_it(play: Any) -> None:
    """By the same metrics, between the same numbers; it goes with the Canary and is in no Kustomization's inventory."""
    made = tended(autoscaled())
    assert made is not None
    assert made["spec"] == scaler()["spec"] | {
        "scaleTargetRef": {**scaler()["spec"]["scaleTargetRef"], "name": "shop-primary"}
    }
    assert made["metadata"]["labels"] == {"x": "y", "app.kubernetes.io/managed-by": "sluice"}
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Canary"


def test_the_copy_has_numbers_of_its_own_where_the_canary_says_so() -> None:
    """`primaryScalerReplicas`, as in Flagger."""
    made = tended(autoscaled({**REF, "primaryScalerReplicas": {"minReplicas": 4, "maxReplicas": 20}}))
    assert made is not None
    assert (made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == (4, 20)


def test_the_copy_follows_the_target_s_and_is_written_only_then() -> None:
    """Flagger's users wait for the next release."""
    stage = autoscaled()
    tended(stage)
    acts = list(stage.acts)
    tended(stage)
    assert stage.acts == acts
    stage.cluster.add(scaler(minReplicas=3))
    made = tended(stage)
    assert made is not None
    assert made["spec"]["minReplicas"] == 3


def test_somebody_else_s_autoscaler_of_that_name_is_refused() -> None:
    """The message says how to keep it."""
    stage = autoscaled()
    stage.cluster.add(scaler("shop-primary"))
    with pytest.raises(InvalidError, match=r"shop-test/shop-primary exists and is not .* take spec.autoscalerRef away"):
        tended(stage)


def test_somebody_else_s_autoscaler_keeps_no_user_from_the_primary() -> None:
    """A route that was deleted is made meanwhile: who comes by it cannot wait until somebody has cleared the way."""
    stage = autoscaled()
    stage.cluster.add(scaler("shop-primary"))
    stage.route.weights.clear()
    with pytest.raises(InvalidError, match="shop-test/shop-primary exists"):
        tended(stage)
    assert stage.route.weights == {"shop": 0}


@pytest.mark.parametrize(
    "ref", [{**REF, "name": "gone"}, {**REF, "kind": "HTTPScaledObject", "apiVersion": "http.keda.sh/v1alpha1"}]
)
def test_what_cannot_be_copied_holds_nobody_up(ref: Object) -> None:
    """One that is not there yet, and a kind that is reported as not acted on."""
    assert tended(autoscaled(ref)) is None
