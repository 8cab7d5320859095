"""A target that somebody deletes: its users stay on the primary, and what leads them there is kept."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import HTTP_ROUTE, SERVICE, WORKLOAD_KINDS
from sluice.rollout.workloads import WORKLOADS
from tests.deployments.keeper.test_keeper import acts, kept, weight, whole
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, workload
from tests.tasks.conftest import OLD_IMAGE, Stage
from tests.tasks.scene.test_tend import PRIMARY, at_rest, lost, released

LEADS = [
    pytest.param(HTTP_ROUTE, NAME, id="the route"),
    pytest.param(SERVICE, f"{NAME}-canary", id="the canary's Service"),
    pytest.param(SERVICE, f"{NAME}-primary", id="the primary's Service"),
    pytest.param(SERVICE, NAME, id="the apex Service"),
]


def without_target(stage: Stage) -> Stage:
    """What `kubectl delete` does to the target, and the garbage collector to its pods and its history."""
    meta = stage.now(stage.kind, NAME)["metadata"]
    stage.cluster.vanish(WORKLOAD_KINDS[stage.kind], NAME, NAMESPACE)
    for key, item in list(stage.cluster.objects.items()):
        owners = [one.get("uid") for one in item["metadata"].get("ownerReferences") or []]
        if meta["uid"] in owners or (key[0] == "Pod" and key[2].startswith(f"{NAME}-pod-")):
            stage.cluster.objects.pop(key)
    return stage


def said(stage: Stage) -> dict[str, Any]:
    (one,) = [one for one in stage.status["conditions"] if one["type"] == "Kept"]
    return dict(one)


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize(("lead", "name"), LEADS)
async def test_what_leads_users_to_the_primary_is_made_again_without_a_target(kind: str, lead: Kind, name: str) -> None:
    """The primary serves, and knows whose copy it is."""
    stage = without_target(await whole(at_rest(kind)))
    before = stage.now(lead.kind, name)["spec"]
    async with kept(stage):
        stage.cluster.vanish(lead, name, NAMESPACE)
    assert stage.now(lead.kind, name)["spec"] == before
    assert weight(stage) == 0
    assert {image_of(pod) for pod in stage.cluster.pods(PRIMARY, NAMESPACE)} == {OLD_IMAGE}


async def test_users_who_are_with_a_canary_that_is_gone_come_home() -> None:
    """At rest nobody carries it: somebody shifted them by hand, say."""
    stage = without_target(await whole(at_rest()))
    route = stage.now("HTTPRoute", NAME)
    (rule,) = route["spec"]["rules"]
    backends = [{**one, "weight": 100 - int(one["weight"])} for one in rule["backendRefs"]]
    async with kept(stage):
        stage.change("HTTPRoute", NAME, {"spec": {"rules": [{**rule, "backendRefs": backends}]}})
        assert weight(stage) == 100
    assert weight(stage) == 0


async def test_in_a_release_the_route_is_made_with_the_users_at_home() -> None:
    """The run of the release ends it with the reason; until then nobody is left without a way."""
    stage = without_target(await whole(released()))
    async with kept(stage):
        stage.cluster.vanish(HTTP_ROUTE, NAME, NAMESPACE)
    assert weight(stage) == 0


async def test_people_read_that_it_is_gone_and_what_to_do_until_it_is_there_again() -> None:
    """Once; a target that comes back is the Canary's again."""
    stage = without_target(await whole(at_rest()))
    async with kept(stage):
        pass
    assert (said(stage)["status"], said(stage)["reason"]) == ("False", "TargetGone")
    assert said(stage)["message"] == (
        "Deployment shop is gone: its users stay on shop-primary; apply it again, or delete the Canary"
    )
    written = list(acts(stage))
    async with kept(stage):
        assert acts(stage) == written
        target = workload("Deployment", OLD_IMAGE)
        stage.cluster.add({**target, "metadata": {**target["metadata"], "uid": "another"}})
    assert (said(stage)["status"], said(stage)["reason"]) == ("True", "Right")
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 0


async def test_without_target_and_primary_there_is_nothing_to_lead_to() -> None:
    """Nobody knows what it ran; nothing is made of nothing."""
    stage = lost(without_target(await whole(at_rest())))
    async with kept(stage):
        stage.cluster.vanish(SERVICE, f"{NAME}-primary", NAMESPACE)
    assert [act for act in acts(stage) if "journal" not in act and "status" not in act] == []
