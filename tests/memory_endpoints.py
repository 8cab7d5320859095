"""What controllers do in memory: an EndpointSlice for each Service, of its pods; a Gateway's word on a route."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
Key = tuple[str, str, str]
SERVICE_LABEL = "kubernetes.io/service-name"


def slices(objects: dict[Key, Object], namespace: str) -> list[Object]:
    """The EndpointSlices of a namespace as its Services and pods want them."""
    pods = [one for key, one in objects.items() if key[:2] == ("Pod", namespace)]
    services = [one for key, one in objects.items() if key[:2] == ("Service", namespace)]
    return [_slice(service, pods) for service in services]


def _slice(service: Object, pods: list[Object]) -> Object:
    meta, spec = service["metadata"], service["spec"]
    wanted = (spec.get("selector") or {}).items()
    endpoints = [
        {"addresses": [pod["status"]["podIP"]], "conditions": {"ready": _ready(pod)}}
        for pod in pods
        if wanted and wanted <= pod["metadata"]["labels"].items() and (pod.get("status") or {}).get("podIP")
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{meta['name']}-slice",
            "namespace": meta["namespace"],
            "labels": {**(meta.get("labels") or {}), SERVICE_LABEL: meta["name"]},
        },
        "endpoints": endpoints,
        "ports": [{"name": one.get("name", ""), "port": one.get("targetPort")} for one in spec.get("ports") or []],
    }


def _ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def acknowledged(route: Object) -> Object:
    """The status of a route that every parent has accepted."""
    accepted = {"type": "Accepted", "status": "True", "observedGeneration": route["metadata"]["generation"]}
    return {"parents": [{"parentRef": one, "conditions": [accepted]} for one in route["spec"].get("parentRefs") or []]}
