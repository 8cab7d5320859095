"""Deployments: when they are ready, when their update is over, and when it ends pods early."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.rollout.workloads.deployment import DEPLOYMENT
from tests.samples import deployment


def rolled(replicas: int = 2, generation: int = 3, **status: int) -> dict[str, Any]:
    usual = {
        "observedGeneration": generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "availableReplicas": replicas,
    }
    return deployment(replicas=replicas, change={"metadata": {"generation": generation}, "status": {**usual, **status}})


@pytest.mark.parametrize(
    ("seen", "share", "ready"),
    [
        pytest.param(rolled(), 100, True, id="all there"),
        pytest.param(rolled(observedGeneration=2), 100, False, id="the controller has not seen the change"),
        pytest.param(rolled(updatedReplicas=1), 100, False, id="old pods still count for nothing"),
        pytest.param(rolled(availableReplicas=1), 100, False, id="a new pod is not ready"),
        pytest.param({**rolled(1), "status": {**rolled(1)["status"], "replicas": 2}}, 100, False, id="the old pod is"),
        pytest.param(rolled(availableReplicas=1), 50, True, id="enough of them"),
        pytest.param(rolled(4, availableReplicas=1), 50, False, id="not enough of them"),
        pytest.param(rolled(0), 100, False, id="scaled to zero is never ready"),
        pytest.param(deployment(), 100, False, id="no status yet"),
    ],
)
def test_a_deployment_is_ready_when_enough_new_pods_serve(seen: dict[str, Any], share: int, ready: bool) -> None:
    """Readiness is about the newest template, never about what is left of the older one."""
    assert DEPLOYMENT.reads.ready(seen, share) is ready


@pytest.mark.parametrize(
    ("seen", "over"),
    [
        pytest.param(rolled(), True, id="only new pods"),
        pytest.param(rolled(replicas=2, availableReplicas=2) | {"status": {}}, False, id="no status"),
        pytest.param(rolled(updatedReplicas=2, replicas=2, availableReplicas=1), False, id="one is not ready"),
    ],
)
def test_an_update_is_over_when_only_new_pods_are_left(seen: dict[str, Any], over: bool) -> None:
    """An old pod that is still on its way out keeps the update open."""
    assert DEPLOYMENT.reads.rolled_over(seen) is over


def test_an_old_pod_keeps_the_update_open() -> None:
    """Three pods where two are wanted: one of them is old."""
    seen = rolled()
    seen["status"]["replicas"] = 3
    assert not DEPLOYMENT.reads.rolled_over(seen)


@pytest.mark.parametrize(
    ("strategy", "replicas", "early"),
    [
        pytest.param({"type": "Recreate"}, 2, True, id="recreate"),
        pytest.param({}, 3, False, id="a quarter of three is none"),
        pytest.param({}, 4, True, id="a quarter of four is one"),
        pytest.param({"rollingUpdate": {"maxUnavailable": 0}}, 4, False, id="none may be away"),
        pytest.param({"rollingUpdate": {"maxUnavailable": 1}}, 1, True, id="one may be away"),
    ],
)
def test_an_update_may_end_pods_before_new_ones_serve(strategy: dict[str, Any], replicas: int, early: bool) -> None:
    """By its strategy, rounded as the Deployment's controller does."""
    seen = deployment(replicas=replicas, change={"spec": {"strategy": strategy}})
    assert DEPLOYMENT.reads.ends_early(seen) is early
