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


def belongs(workload: Object, pod: Object) -> bool:
    """Whether a pod is a workload's, by its controller: another one's pods may have the same labels.

    A Deployment's pods are its ReplicaSets', which are named after it and after the template that their pods have.
    """
    owners = pod["metadata"].get("ownerReferences") or []
    owner = next((one for one in owners if one.get("controller")), None)
    if owner is None:
        return False
    if owner.get("kind") == "ReplicaSet":
        template = (pod["metadata"].get("labels") or {}).get("pod-template-hash")
        return bool(owner.get("name") == f"{workload['metadata']['name']}-{template}")
    return bool(owner.get("uid") == workload["metadata"].get("uid"))


def template_of(pod: Object) -> tuple[str, ...]:
    """What tells pods of one template from those of another: the labels that the controllers of workloads give them."""
    labels = pod["metadata"].get("labels") or {}
    return tuple(str(labels.get(name, "")) for name in ("pod-template-hash", "controller-revision-hash"))


def why_not_offered(workload: Object, pods: list[Object], offered: frozenset[str], wanted: int) -> str:
    """Why a Service does not offer what it should; empty where it offers a workload's pods and nothing that is gone.

    Right is at least as many as are wanted, each ready, all of one template. What else is offered may only be another
    workload's pods, which have the same labels.

    Args:
        pods: all that have the workload's labels.
    """
    own = [pod for pod in pods if belongs(workload, pod)]
    ready = [pod for pod in own if ready_addresses([pod])]
    if len(ready) < wanted:
        return f"{len(ready)} of {wanted} pods are ready"
    if len({template_of(pod) for pod in ready}) > 1:
        return "there are pods of an older revision"
    missing = [pod for pod in ready if not _addresses(pod) & offered]
    if missing:
        return f"{len(missing)} of {len(ready)} ready pods are not offered yet"
    known = [*ready, *(pod for pod in pods if not belongs(workload, pod))]
    gone = offered.difference(*(_addresses(pod) for pod in known))
    return f"{len(gone)} addresses are offered that are gone or not ready" if gone else ""


def _addresses(pod: Object) -> frozenset[str]:
    """All of a pod's addresses: a Service may offer those of one family, or of both."""
    status = pod.get("status") or {}
    more = [str(one["ip"]) for one in status.get("podIPs") or [] if one.get("ip")]
    return frozenset([*([str(status["podIP"])] if status.get("podIP") else []), *more])


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
