"""Which pods can take traffic, and why others cannot: in the pod's own words, whatever workload they are of."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
TELLING = ("Unhealthy", "BackOff", "Failed")
"""Beginnings of the reasons of events that say why a pod does not serve; other warnings only where there are none."""


def serving_addresses(slices: list[Object]) -> frozenset[str]:
    """The pod addresses that a Service's EndpointSlices offer: ready and not on their way out."""
    return frozenset(
        address
        for one in slices
        for endpoint in one.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready", True)
        and not (endpoint.get("conditions") or {}).get("terminating", False)
        for address in endpoint.get("addresses") or []
    )


def ready_addresses(pods: list[Object]) -> frozenset[str]:
    """The addresses of the pods that are ready and not being deleted."""
    return frozenset(
        pod["status"]["podIP"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in (pod.get("status") or {}).get("conditions") or []
        )
        and pod["status"].get("podIP")
    )


def why_not_ready(pods: list[Object], events: list[Object]) -> str:
    """The reason that the pods themselves give: a waiting or ended container, a failed probe, no place to run."""
    for pod in pods:
        status = pod.get("status") or {}
        for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            said = _container_says(container)
            if said:
                return f"pod {pod['metadata']['name']}: {said}"
        for condition in status.get("conditions") or []:
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return f"pod {pod['metadata']['name']}: {condition.get('reason')}: {condition.get('message')}"
    names = {pod["metadata"]["name"] for pod in pods}
    about_pods = [event for event in events if (event.get("involvedObject") or {}).get("name") in names]
    warnings = [event for event in about_pods if event.get("type") == "Warning"]
    about_health = [event for event in warnings if str(event.get("reason", "")).startswith(TELLING)]
    warnings = about_health or warnings
    if warnings:
        last = max(warnings, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return (
            f"pod {last['involvedObject']['name']}: {last.get('reason')}: {' '.join(last.get('message', '').split())}"
        )
    if not pods:
        return "no pod was created"
    return f"pod {pods[0]['metadata']['name']}: {(pods[0].get('status') or {}).get('phase', 'Unknown')}, not ready"


def _container_says(container: Object) -> str:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    if waiting.get("reason") and waiting["reason"] not in {"ContainerCreating", "PodInitializing"}:
        said = f"{container['name']}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
        return f"{said} (exit code {ended['exitCode']})" if ended else said
    if ended:
        return f"{container['name']}: {ended.get('reason', 'ended')}, exit code {ended.get('exitCode')}"
    return ""
