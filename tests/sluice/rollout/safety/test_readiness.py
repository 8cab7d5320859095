"""Whether pods can take traffic, and why not, in their own words."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.rollout.safety.readiness import ready_addresses, serving_addresses, why_not_ready


def endpoint(address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions}


def test_endpoints_on_their_way_out_do_not_serve() -> None:
    """Ready and not terminating, over all slices; no word on readiness means ready, as Kubernetes says."""
    slices = [
        {"endpoints": [endpoint("1", ready=True), endpoint("2", ready=False)]},
        {"endpoints": [endpoint("3", ready=True, terminating=True), endpoint("4")]},
        {"endpoints": None},
        {},
    ]
    assert serving_addresses(slices) == {"1", "4"}


def pod(name: str = "shop-1", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": status}


def test_pods_that_are_being_deleted_are_not_ready() -> None:
    """A pod that is told to go offers no address, whatever its condition still says."""
    ready = [{"type": "Ready", "status": "True"}]
    pods = [pod("a", podIP="1", conditions=ready), pod("b", podIP="2", conditions=ready), pod("c", podIP="3")]
    pods[1]["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    assert ready_addresses([*pods, pod("d", conditions=ready)]) == {"1"}


def container(state: dict[str, Any], last: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "shop", "state": state, "lastState": last or {}}]}


def warning(reason: str, message: str, at: str = "2024-01-01T00:00:00Z", of: str = "shop-1") -> dict[str, Any]:
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
        "involvedObject": {"name": of},
    }


@pytest.mark.parametrize(
    ("pods", "events", "said"),
    [
        pytest.param([], [], "no pod was created", id="no pods"),
        pytest.param(
            [pod(**container({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}))],
            [],
            "pod shop-1: shop: ImagePullBackOff: not found",
            id="an image that is not there",
        ),
        pytest.param(
            [pod(**container({"waiting": {"reason": "CrashLoopBackOff"}}, {"terminated": {"exitCode": 3}}))],
            [],
            "pod shop-1: shop: CrashLoopBackOff (exit code 3)",
            id="a crash loop with its exit code",
        ),
        pytest.param(
            [pod(**container({"terminated": {"reason": "OOMKilled", "exitCode": 137}}))],
            [],
            "pod shop-1: shop: OOMKilled, exit code 137",
            id="out of memory",
        ),
        pytest.param(
            [
                pod(
                    initContainerStatuses=[
                        {"name": "migrate", "state": {"terminated": {"reason": "Error", "exitCode": 1}}}
                    ]
                )
            ],
            [],
            "pod shop-1: migrate: Error, exit code 1",
            id="an init container",
        ),
        pytest.param(
            [pod(**container({"waiting": {"reason": "ContainerCreating"}}))],
            [warning("FailedMount", "no such secret")],
            "pod shop-1: FailedMount: no such secret",
            id="being created is no reason, the event is",
        ),
        pytest.param(
            [
                pod(
                    conditions=[
                        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
                    ]
                )
            ],
            [],
            "pod shop-1: Unschedulable: no cpu",
            id="no place to run",
        ),
        pytest.param(
            [pod(phase="Running")],
            [
                warning("Unhealthy", "Readiness probe\n  failed: 503", "2024-01-01T00:00:05Z"),
                warning("FailedMount", "older", "2024-01-01T00:00:01Z"),
                warning("BackOff", "of another pod", "2024-01-01T00:00:09Z", of="else"),
            ],
            "pod shop-1: Unhealthy: Readiness probe failed: 503",
            id="a failed probe: the pod's newest warning on one line",
        ),
        pytest.param([pod(phase="Running")], [], "pod shop-1: Running, not ready", id="nothing is known"),
    ],
)
def test_the_reason_is_the_pod_s_own(pods: list[dict[str, Any]], events: list[dict[str, Any]], said: str) -> None:
    """A person reads what `kubectl describe pod` would tell, not "deadline exceeded"."""
    assert why_not_ready(pods, events) == said
