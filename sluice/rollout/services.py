"""The Services of a Canary: the apex that users know, and one for each side of a release, which a route points at."""

from __future__ import annotations

from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import MANAGED_BY, owner_of, pod_labels

Object = dict[str, Any]


def service_of(canary: Canary, side: Side) -> str:
    """Name of one side's Service."""
    return f"{canary.service_name}-{side}"


def apex(canary: Canary, target: Object, side: Side) -> Object:
    """The Service that users know, with the pods of one side behind it."""
    return _service(canary, canary.service_name, pod_labels(target, side))


def services(canary: Canary, target: Object) -> list[Object]:
    """The apex Service and the primary's select the primary's pods, the canary's the target's; the baseline's its own."""
    chosen = {
        canary.service_name: Side.PRIMARY,
        service_of(canary, Side.PRIMARY): Side.PRIMARY,
        service_of(canary, Side.CANARY): Side.CANARY,
    }
    if canary.compared:
        chosen[service_of(canary, Side.BASELINE)] = Side.BASELINE
    return [_service(canary, name, pod_labels(target, side)) for name, side in chosen.items()]


def leads_to(service: Object, workload: Object) -> bool:
    """Whether a Service selects a workload's pods."""
    labels = (workload["spec"]["template"].get("metadata") or {}).get("labels") or {}
    selector = service["spec"].get("selector") or {}
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


def _service(canary: Canary, name: str, selector: dict[str, str]) -> Object:
    service = canary.spec.service
    port: Object = {
        "name": service.port_name,
        "port": service.port,
        "targetPort": service.target_port or service.port,
        "protocol": "TCP",
    }
    if service.app_protocol:
        port["appProtocol"] = service.app_protocol
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": canary.namespace,
            "labels": {"app": name, **MANAGED_BY},
            "ownerReferences": [owner_of(canary)],
        },
        "spec": {"type": "ClusterIP", "selector": selector, "ports": [port]},
    }
