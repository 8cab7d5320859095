"""The controllers of workloads in a cluster in memory, and the kubelet: what they do, they do in no time.

`CONTROLLERS` has them by kind. Each takes a workload as it was just written and the pods that it has, gives the workload its
status, and returns the pods that it has then.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

from tests.samples import copied

Object = dict[str, Any]
Controller = Callable[[Object, list[Object], set[str]], list[Object]]
NODES: tuple[dict[str, str], ...] = ({"disk": "ssd"}, {"disk": "ssd"}, {"disk": "hdd"})
"""The labels of the nodes that DaemonSets have pods on."""


def run_deployment(deployment: Object, pods: list[Object], broken: set[str]) -> list[Object]:
    """As many pods as wanted of the newest template; while it is paused, of the one that its pods have."""
    spec = deployment["spec"]
    template = pods[0]["template"] if spec.get("paused") and pods else spec["template"]
    running = [_pod(deployment, number, template, broken) for number in range(spec.get("replicas", 1))]
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": len(running),
        "updatedReplicas": _updated(deployment, running),
        "availableReplicas": _available(running),
    }
    return running


def run_daemon_set(daemon_set: Object, pods: list[Object], broken: set[str]) -> list[Object]:
    """A pod on each node that the template selects; with OnDelete one that is there stays what it is."""
    spec, before = daemon_set["spec"], {pod["metadata"]["name"]: pod["template"] for pod in pods}
    selector = spec["template"]["spec"].get("nodeSelector") or {}
    stays = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    running = []
    for number, labels in enumerate(NODES):
        if selector.items() <= labels.items():
            old = before.get(_name(daemon_set, number)) if stays else None
            running.append(_pod(daemon_set, number, old or spec["template"], broken))
    daemon_set["status"] = {
        "observedGeneration": daemon_set["metadata"]["generation"],
        "desiredNumberScheduled": len(running),
        "currentNumberScheduled": len(running),
        "updatedNumberScheduled": _updated(daemon_set, running),
        "numberAvailable": _available(running),
        "numberReady": _available(running),
    }
    return running


CONTROLLERS: dict[str, Controller] = {"Deployment": run_deployment, "DaemonSet": run_daemon_set}


def history_of(workload: Object) -> Object:
    """The object that a workload's controller keeps its present template in."""
    template, name = copied(workload["spec"]["template"]), workload["metadata"]["name"]
    number = zlib.crc32(json.dumps(template, sort_keys=True).encode())
    owner = {"kind": workload["kind"], "name": name, "uid": workload["metadata"]["uid"]}
    meta = {"name": f"{name}-{number:x}", "namespace": workload["metadata"]["namespace"], "ownerReferences": [owner]}
    meta |= {"resourceVersion": workload["metadata"]["resourceVersion"]}
    if workload["kind"] == "Deployment":
        template["metadata"]["labels"] = {**template["metadata"]["labels"], "pod-template-hash": f"{number:x}"}
        return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": {"template": template}}
    data = {"spec": {"template": {**template, "$patch": "replace"}}}
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta, "data": data}


def image_of(pod: Object) -> str:
    """The image that a pod runs."""
    return str(pod["template"]["spec"]["containers"][0]["image"])


def _updated(workload: Object, pods: list[Object]) -> int:
    return sum(pod["template"] == workload["spec"]["template"] for pod in pods)


def _available(pods: list[Object]) -> int:
    return sum(pod["status"]["conditions"][0]["status"] == "True" for pod in pods)


def _name(workload: Object, number: int) -> str:
    return f"{workload['metadata']['name']}-pod-{number}"


def _hash(template: Object) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def _owner(workload: Object, template: Object) -> Object:
    """A pod's controller: a Deployment's are made by a ReplicaSet for each template, which is not kept here."""
    meta = workload["metadata"]
    own = {"kind": workload["kind"], "name": meta["name"], "uid": meta["uid"], "controller": True}
    replica_set = {"kind": "ReplicaSet", "name": f"{meta['name']}-{_hash(template)}", "controller": True}
    return {"Deployment": replica_set}.get(workload["kind"], own)


def _pod(workload: Object, number: int, template: Object, broken: set[str]) -> Object:
    """A pod; what it was made from is kept in `template`, which a real one does not have."""
    ready = template["spec"]["containers"][0]["image"] not in broken
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": _name(workload, number),
            "namespace": workload["metadata"]["namespace"],
            "labels": {**template["metadata"]["labels"], "pod-template-hash": _hash(template)},
            "creationTimestamp": "2024-01-01T00:00:00Z",
            "ownerReferences": [_owner(workload, template)],
            "resourceVersion": workload["metadata"]["resourceVersion"],
        },
        "template": copied(template),
        "status": {
            "phase": "Running",
            "podIP": f"{_name(workload, number)}.ip",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }
