"""Canaries and workloads for tests: valid as they are, changed where a test says so."""

from __future__ import annotations

from typing import Any

from sluice.manifests.flagger.canary import Canary

Object = dict[str, Any]
NAMESPACE, NAME, UID = "shop-test", "shop", "0f0e0d0c-0000-4000-8000-000000000001"


def copied(value: Any) -> Any:
    """A copy of what JSON can say, several times faster than `copy.deepcopy`: lives of the laws copy most of their time."""
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if type(value) is list else value


def merged(base: Object, change: Object) -> Object:
    """A JSON merge patch (RFC 7396): null takes a field away, a list is replaced."""
    result: Object = copied(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            there = result.get(key)
            result[key] = merged(there if isinstance(there, dict) else {}, value)
        else:
            result[key] = copied(value)
    return result


def canary_manifest(spec: Object | None = None, status: Object | None = None, name: str = NAME) -> Object:
    """A Canary with three steps and no metrics."""
    base: Object = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": UID, "resourceVersion": "1", "generation": 1},
        "spec": {
            "provider": "gatewayapi:v1",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {
                "port": 80,
                "targetPort": 9898,
                "hosts": ["shop.test"],
                "gatewayRefs": [{"name": "lab", "namespace": "edge"}],
            },
            "analysis": {"interval": "10s", "threshold": 2, "stepWeights": [10, 30, 60]},
        },
    }
    base["spec"] = merged(base["spec"], spec or {})
    if status is not None:
        base["status"] = status
    return base


def canary(spec: Object | None = None, status: Object | None = None, name: str = NAME) -> Canary:
    """The same as a model."""
    return Canary.parse(canary_manifest(spec, status, name))


def counted_at(side: str, code_class: str = "2") -> dict[str, str]:
    """Labels by which the data plane counts one side's requests."""
    return {"envoy_cluster_name": f"{NAMESPACE}_{NAME}-{side}_80", "envoy_response_code_class": code_class}


def success_rate(least: float = 99) -> Object:
    return {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": least}}


def duration(longest: float = 500) -> Object:
    return {"name": "request-duration", "interval": "1m", "thresholdRange": {"max": longest}}


def gate(kind: str, url: str = "http://127.0.0.1:9/gate") -> Object:
    return {"name": kind, "type": kind, "url": url}


def deployment(
    image: str = "registry/shop:1.0.0", replicas: int = 2, name: str = NAME, change: Object | None = None
) -> Object:
    """A Deployment as the API server stores it."""
    base: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "generation": 1,
            "labels": {"app": name},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "shop", "image": image}]},
            },
        },
    }
    return merged(base, change or {})


def daemon_set(image: str = "registry/shop:1.0.0", name: str = NAME, change: Object | None = None) -> Object:
    """A DaemonSet as the API server stores it."""
    base = {**deployment(image, name=name), "kind": "DaemonSet"}
    del base["spec"]["replicas"]
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    return merged(base, merged({"spec": {"updateStrategy": strategy}}, change or {}))


WORKLOAD_SAMPLES = {"Deployment": deployment, "DaemonSet": daemon_set}
"""What makes a workload, by its kind; each takes an image, a name and a change."""


def workload(kind: str, image: str = "registry/shop:1.0.0", name: str = NAME, change: Object | None = None) -> Object:
    """A workload of one kind, running, as the API server stores it."""
    return WORKLOAD_SAMPLES[kind](image=image, name=name, change=change)
