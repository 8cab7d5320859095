"""What the fault suite takes a request for: faults are planned in these words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.faults.applications import APPLICATIONS
from lab.faults.plan import APPS, KINDS, PROCESS, WHOLE_LAB, Plan, draw
from lab.faults.proxies.acts import BOUNDARIES, act_of

CANARY = "/apis/flagger.app/v1beta1/namespaces/n/canaries/oak/status"
ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/n/httproutes/oak"
TARGET = "/apis/apps/v1/namespaces/n/deployments/oak"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/n/leases"


def route(weight: int) -> dict[str, Any]:
    backends = [{"name": "oak-primary", "weight": 100 - weight}, {"name": "oak-canary", "weight": weight}]
    return {"metadata": {"name": "oak", "resourceVersion": "7"}, "spec": {"rules": [{"backendRefs": backends}]}}


def lease(holder: str, acquired: str, name: str = "sluice-oak") -> dict[str, Any]:
    spec = {"holderIdentity": holder, "acquireTime": acquired, "renewTime": "2"}
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        (CANARY, {"status": {"phase": "Progressing", "lastAppliedSpec": "x", "stepStarted": 0.0}}, "begin"),
        (CANARY, {"status": {"phase": "Progressing", "canaryWeight": 30, "stepStarted": 1.0}}, "journal step"),
        (CANARY, {"status": {"phase": "Progressing", "canaryWeight": 0, "step": 0}}, "journal superseded"),
        (CANARY, {"status": {"phase": "Progressing", "rollbackReason": "bad"}}, "journal rolling back"),
        (CANARY, {"status": {"phase": "Promoting", "canaryWeight": 100}}, "journal Promoting"),
        (CANARY, {"status": {"phase": "Failed", "canaryWeight": 0, "rollbackReason": ""}}, "journal Failed"),
        (CANARY, {"status": {"evidence": {}}}, "journal evidence"),
        (
            CANARY,
            {"status": {"phase": "Progressing", "canaryWeight": 0, "step": 0, "stepStarted": 1.0}},
            "journal step",
        ),
        (CANARY, {"status": {"phase": "Progressing", "iterations": 1, "stepStarted": 1.0}}, "journal interval"),
        (CANARY, {"status": {"phase": "Progressing", "failedChecks": 1, "iterations": 0}}, "journal check"),
        (ROUTE, route(30), "route step"),
        (ROUTE, route(100), "route 100"),
        (ROUTE, route(0), "route 0"),
        (ROUTE, {"spec": route(0)["spec"]}, "create route"),
        (ROUTE, {"metadata": {"resourceVersion": "7", "annotations": {"token": "1"}}}, "mark route"),
        (TARGET, {"spec": {"paused": True}}, "freeze target"),
        (TARGET, {"spec": {"replicas": 0, "paused": False}}, "scale target to 0"),
        (TARGET, {"spec": {"replicas": 2}}, "scale target up"),
        (TARGET, {"metadata": {"annotations": {"token": "1"}}}, "mark target"),
        (TARGET + "-primary", {"spec": {"template": {}}}, "apply primary"),
        (TARGET + "-primary", {"metadata": {"annotations": {"token": "1"}}}, "mark primary"),
        (LEASES + "/sluice-oak", lease("me", "2"), "take lease"),
        (LEASES + "/sluice-oak", lease("me", "1"), "renew lease"),
        (LEASES + "/sluice-oak", lease("", "1"), "release lease"),
        (LEASES, lease("me", "2"), "take lease"),
    ],
)
def test_each_write_of_a_rollout_is_known_by_its_act(path: str, body: dict[str, Any], what: str) -> None:
    """By what is in the request alone: the proxy asks nobody."""
    act = act_of("PATCH", path, json.dumps(body).encode())
    assert act is not None
    assert (act.namespace, act.canary, act.what) == ("n", "oak", what)


def test_reading_is_no_act() -> None:
    """Faults on a boundary come at writes only."""
    assert act_of("GET", ROUTE, b"") is None


def test_the_same_seed_gives_the_same_plan() -> None:
    """A case can be replayed from its seed and round alone, or from the plan's file."""
    plan = draw(7, 3)
    assert plan == draw(7, 3) != draw(7, 4)
    assert Plan.from_json(json.loads(json.dumps(plan.as_json()))) == plan


def test_many_rounds_plan_every_kind_of_fault_at_every_boundary() -> None:
    """Within what `make faults` plays, no kind of fault is left out; faults of the whole lab are asked for by name."""
    faults = [one.fault for number in range(250) for one in draw(1, number).releases if one.fault]
    assert {fault.kind for fault in faults} == set(KINDS) - set(WHOLE_LAB)
    assert {fault.boundary for fault in faults} - {""} == set(BOUNDARIES)
    crowd = [
        sum(one.fault is not None and one.fault.kind in PROCESS for one in draw(1, n).releases) for n in range(100)
    ]
    assert max(crowd) <= 4
    for number in range(5):
        releases = draw(1, number).releases
        assert sum(not one.twin for one in releases) == len(APPS)
        assert sum(one.twin for one in releases) == sum(APPLICATIONS[one.shape].twin for one in releases) / 2
