"""Readiness by kind, by kstatus's documented cases (sigs.k8s.io/cli-utils, pkg/kstatus), and by Flux's for Jobs."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.sync.health import HEALTH, health_of
from sluice.sync.health.base import State

Object = dict[str, Any]
CURRENT, WORKING, FAILED = State.CURRENT, State.IN_PROGRESS, State.FAILED
VERSIONS = {"": "v1", "apps": "apps/v1", "batch": "batch/v1", "policy": "policy/v1", "autoscaling": "autoscaling/v2"}
VERSIONS["apiextensions.k8s.io"] = "apiextensions.k8s.io/v1"


def condition(type_: str, status: str = "True", reason: str = "", message: str = "") -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def rolled(**change: Any) -> Object:
    """A Deployment's status when all of two pods serve."""
    counts = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2, "observedGeneration": 1}
    return (
        counts
        | {"conditions": [condition("Available"), condition("Progressing", reason="NewReplicaSetAvailable")]}
        | change
    )


def stateful(**change: Any) -> Object:
    counts = {"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2, "observedGeneration": 1}
    return counts | {"currentRevision": "a", "updateRevision": "a"} | change


def daemons(**change: Any) -> Object:
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberReady",
    )
    return dict.fromkeys(names, 2) | {"observedGeneration": 1} | change


TWO = {"replicas": 2}
FLUX: list[tuple[str, Object, Object, State]] = [
    ("nobody has looked at it", {}, {}, WORKING),
    ("of Flux's own definition", {}, {"observedGeneration": -1}, WORKING),
    ("ready", {}, {"observedGeneration": 1, "conditions": [condition("Ready")]}, CURRENT),
    ("in trouble at once", {}, {"conditions": [condition("Ready", "False", message="no such branch")]}, WORKING),
]
CASES: dict[tuple[str, str], list[tuple[str, Object, Object, State]]] = {
    ("apps", "Deployment"): [
        ("no status", TWO, {}, WORKING),
        ("all serve", TWO, rolled(), CURRENT),
        (
            "replicas left out are one",
            {},
            rolled(replicas=1, updatedReplicas=1, availableReplicas=1, readyReplicas=1),
            CURRENT,
        ),
        ("none wanted", {"replicas": 0}, {"observedGeneration": 1, "conditions": [condition("Available")]}, CURRENT),
        ("old template not observed", TWO, rolled(observedGeneration=0), WORKING),
        ("not all made", TWO, rolled(replicas=1), WORKING),
        ("not all of the newest template", TWO, rolled(updatedReplicas=1), WORKING),
        ("an old pod is still there", TWO, rolled(replicas=3), WORKING),
        ("not all available", TWO, rolled(availableReplicas=1), WORKING),
        ("not all ready", TWO, rolled(readyReplicas=1), WORKING),
        ("deadline", TWO, rolled(conditions=[condition("Progressing", "False", "ProgressDeadlineExceeded")]), FAILED),
        ("quota", TWO, rolled(conditions=[condition("ReplicaFailure", message="exceeded quota")]), WORKING),
        ("not available", TWO, rolled(conditions=[condition("Available", "False")]), WORKING),
    ],
    ("apps", "StatefulSet"): [
        ("no status", TWO, {}, WORKING),
        ("all serve", TWO, stateful(), CURRENT),
        ("not all made", TWO, stateful(replicas=1), WORKING),
        ("not all ready", TWO, stateful(readyReplicas=1), WORKING),
        ("update under way", TWO, stateful(currentReplicas=1, updatedReplicas=1, updateRevision="b"), WORKING),
        ("on delete", TWO | {"updateStrategy": {"type": "OnDelete"}}, stateful(updateRevision="b"), CURRENT),
        (
            "partition done",
            TWO | {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
            stateful(updatedReplicas=1, currentReplicas=1, updateRevision="b"),
            CURRENT,
        ),
        (
            "partition under way",
            TWO | {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
            stateful(updatedReplicas=0, updateRevision="b"),
            WORKING,
        ),
    ],
    ("apps", "DaemonSet"): [
        ("no status", {}, {}, WORKING),
        ("all serve", {}, daemons(), CURRENT),
        ("no node wants one", {}, daemons(**dict.fromkeys(list(daemons())[:5], 0)), CURRENT),
        ("not all scheduled", {}, daemons(currentNumberScheduled=1), WORKING),
        ("not all updated", {}, daemons(updatedNumberScheduled=1), WORKING),
        ("updated by hand", {"updateStrategy": {"type": "OnDelete"}}, daemons(updatedNumberScheduled=1), CURRENT),
        ("not all ready", {}, daemons(numberReady=1), WORKING),
    ],
    ("apps", "ReplicaSet"): [
        ("no status", TWO, {}, WORKING),
        (
            "all serve",
            TWO,
            {"replicas": 2, "fullyLabeledReplicas": 2, "availableReplicas": 2, "readyReplicas": 2},
            CURRENT,
        ),
        ("too many", {"replicas": 0}, {"replicas": 1}, WORKING),
        ("refused", TWO, {"conditions": [condition("ReplicaFailure", message="no")]}, WORKING),
    ],
    ("", "ReplicationController"): [("no status", TWO, {}, WORKING)],
    ("batch", "Job"): [
        ("not begun", {}, {}, WORKING),
        ("under way", {}, {"active": 1, "startTime": "2026-01-01T00:00:00Z"}, WORKING),
        ("complete", {}, {"conditions": [condition("Complete")]}, CURRENT),
        ("failed", {}, {"conditions": [condition("Failed", reason="BackoffLimitExceeded")]}, FAILED),
        ("about to fail", {}, {"conditions": [condition("FailureTarget")]}, FAILED),
        ("suspended", {}, {"conditions": [condition("Suspended")]}, WORKING),
    ],
    ("", "Pod"): [
        ("no status", {}, {}, WORKING),
        ("ready", {}, {"phase": "Running", "conditions": [condition("Ready")]}, CURRENT),
        ("not ready", {}, {"phase": "Running", "conditions": [condition("Ready", "False")]}, WORKING),
        ("done", {}, {"phase": "Succeeded"}, CURRENT),
        ("failed", {}, {"phase": "Failed", "message": "evicted"}, FAILED),
        (
            "no room",
            {},
            {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable")]},
            WORKING,
        ),
        (
            "crashes",
            {},
            {
                "phase": "Running",
                "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
            },
            FAILED,
        ),
        (
            "no image yet",
            {},
            {
                "phase": "Pending",
                "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
            WORKING,
        ),
    ],
    ("", "PersistentVolumeClaim"): [
        ("no status", {}, {}, WORKING),
        ("waits", {}, {"phase": "Pending"}, WORKING),
        ("bound", {}, {"phase": "Bound"}, CURRENT),
        ("lost", {}, {"phase": "Lost"}, FAILED),
    ],
    ("", "Service"): [
        ("has its address", {"clusterIP": "10.0.0.1"}, {}, CURRENT),
        ("headless", {"clusterIP": "None"}, {}, CURRENT),
        ("elsewhere", {"type": "ExternalName"}, {}, CURRENT),
        ("no address yet", {}, {}, WORKING),
        ("no load balancer yet", {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, {}, WORKING),
        (
            "load balancer",
            {"type": "LoadBalancer", "clusterIP": "10.0.0.1"},
            {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
            CURRENT,
        ),
    ],
    ("apiextensions.k8s.io", "CustomResourceDefinition"): [
        ("no status", {}, {}, WORKING),
        ("served", {}, {"conditions": [condition("NamesAccepted"), condition("Established")]}, CURRENT),
        (
            "its names are another's",
            {},
            {"conditions": [condition("NamesAccepted", "False", "ListKindConflict")]},
            FAILED,
        ),
        ("installing", {}, {"conditions": [condition("Established", "False", "Installing")]}, WORKING),
    ],
    ("policy", "PodDisruptionBudget"): [
        ("no status", {}, {}, WORKING),
        ("enough", {}, {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 2}, CURRENT),
        ("too few", {}, {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 2}, WORKING),
    ],
    ("autoscaling", "HorizontalPodAutoscaler"): [
        ("no status", {}, {}, CURRENT),
        ("scales", {}, {"conditions": [condition("AbleToScale"), condition("ScalingActive")]}, CURRENT),
        ("rests", {}, {"conditions": [condition("ScalingActive", "False", "ScalingDisabled")]}, CURRENT),
        (
            "no metrics yet",
            {},
            {"conditions": [condition("ScalingActive", "False", "FailedGetResourceMetric")]},
            WORKING,
        ),
        ("no such target", {}, {"conditions": [condition("AbleToScale", "False", "FailedGetScale")]}, FAILED),
    ],
    **{row: FLUX for row in HEALTH if row[0].endswith(".toolkit.fluxcd.io")},
}


def item(group: str, kind: str, spec: Object, status: Object, **meta: Any) -> Object:
    version = VERSIONS.get(group, f"{group}/v1")
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "x", "generation": 1, **meta},
        "spec": spec,
        "status": status,
    }


@pytest.mark.parametrize("row", HEALTH, ids=lambda row: row[1])
def test_each_kind_is_read_as_it_is_documented(row: tuple[str, str]) -> None:
    """And every row of the table has its cases."""
    for what, spec, status, state in CASES[row]:
        found = health_of(item(*row, spec, status))
        assert found.state is state, (what, found)
        assert found.state is CURRENT or found.why, what


@pytest.mark.parametrize("row", HEALTH, ids=lambda row: row[1])
def test_what_is_true_of_any_object_goes_first(row: tuple[str, str]) -> None:
    """It is being deleted, it is stuck, its controller has not seen it."""
    spec, status = next((one[1], one[2]) for one in CASES[row] if one[3] is CURRENT or len(CASES[row]) == 1)
    assert health_of(item(*row, spec, status, deletionTimestamp="2026-01-01T00:00:00Z")).state is State.TERMINATING
    assert health_of(item(*row, spec, status | {"observedGeneration": 7}, generation=8)).state is WORKING
    assert health_of(item(*row, spec, status | {"conditions": [condition("Stalled", message="no")]})).state is FAILED
    assert health_of(item(*row, spec, status | {"conditions": [condition("Reconciling")]})).state is WORKING


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, CURRENT),
        ({"conditions": []}, CURRENT),
        ({"conditions": [condition("Ready")]}, CURRENT),
        ({"conditions": [condition("Ready", "False", message="not yet")]}, WORKING),
        ({"conditions": [condition("Ready", "Unknown")]}, WORKING),
        ({"conditions": [condition("Ready"), condition("Reconciling")]}, WORKING),
        ({"conditions": [condition("Ready", "False"), condition("Stalled")]}, FAILED),
        ({"conditions": "none of ours"}, CURRENT),
        ({"observedGeneration": "7"}, CURRENT),
    ],
)
def test_a_kind_without_a_row_is_read_by_its_conditions(status: Object, state: State) -> None:
    """Users' own kinds, whatever they write into their status."""
    assert health_of(item("example.com", "Thing", {}, status)).state is state
