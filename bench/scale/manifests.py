"""The objects that the bench makes: Deployments whose pods are played, their Canaries, and sluice's own identity."""

from __future__ import annotations

from typing import Any

from bench.scale.load import Load
from lab.parts import fake_nodes

Object = dict[str, Any]
OWNER = "bench-scale"
LABELS = {"app.kubernetes.io/managed-by": OWNER}
PORT = 80
KINDS = {
    "canaries": ("flagger.app", ["canaries", "canaries/status"]),
    "httproutes": ("gateway.networking.k8s.io", ["httproutes"]),
    "deployments": ("apps", ["deployments", "deployments/scale", "replicasets"]),
    "leases": ("coordination.k8s.io", ["leases"]),
    "endpointslices": ("discovery.k8s.io", ["endpointslices"]),
    "services": ("", ["services"]),
    "pods": ("", ["pods"]),
    "events": ("", ["events"]),
    "others": ("*", ["*"]),
}
"""What sluice's requests are counted by: name → API group and resources."""
VERBS = {"get": ["get"], "list": ["list"], "watch": ["watch"], "write": ["create", "update", "patch", "delete"]}


def namespace(name: str) -> Object:
    """A namespace that the bench may delete."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": LABELS}}


def image(version: int) -> str:
    """The image of a version; nothing pulls it."""
    return f"registry.example/app:1.{version}.0"


def deployment(name: str, namespace: str, replicas: int) -> Object:
    """The target of a Canary, at its first version."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    **fake_nodes.placement(OWNER),
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "app", "image": image(1), "ports": [{"containerPort": 8080}]}],
                },
            },
        },
    }


def canary(name: str, namespace: str, load: Load, gateway: tuple[str, str]) -> Object:
    """A Canary as Flagger's users write it; `gateway` is namespace and name."""
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "provider": "gatewayapi:v1",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {
                "port": PORT,
                "targetPort": 8080,
                "hosts": [f"{name}.{namespace}.example"],
                "gatewayRefs": [{"namespace": gateway[0], "name": gateway[1]}],
            },
            "analysis": {
                "interval": f"{load.step_s:g}s",
                "threshold": 3,
                "stepWeight": load.step_weight,
                "maxWeight": load.max_weight,
                "metrics": [
                    {"name": "request-success-rate", "interval": "30s", "thresholdRange": {"min": 99}},
                    {"name": "request-duration", "interval": "30s", "thresholdRange": {"max": 500}},
                ],
            },
        },
    }


def service_account(namespace: str) -> list[Object]:
    """Who sluice is to the API server, with all rights; counted by its name."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sluice", "namespace": namespace}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace, "labels": LABELS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "sluice", "namespace": namespace}],
        },
    ]


def flow_schemas(namespace: str) -> list[Object]:
    """One for each kind and verb of sluice's requests: the API server counts the requests of each.

    They use the priority level that service accounts have anyway, so that nothing is faster or slower for it.
    """
    subject = {"kind": "ServiceAccount", "serviceAccount": {"name": "sluice", "namespace": namespace}}
    schemas = []
    for kind, (group, resources) in KINDS.items():
        for verb, verbs in VERBS.items():
            rule = {"apiGroups": [group], "resources": resources, "verbs": verbs, "clusterScope": True}
            paths = [{"nonResourceURLs": ["*"], "verbs": ["*"]}] if (kind, verb) == ("others", "get") else []
            schemas.append(
                {
                    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
                    "kind": "FlowSchema",
                    "metadata": {"name": f"{namespace}-{kind}-{verb}", "labels": LABELS},
                    "spec": {
                        "priorityLevelConfiguration": {"name": "workload-low"},
                        "matchingPrecedence": 200 if kind == "others" else 100,
                        "distinguisherMethod": {"type": "ByUser"},
                        "rules": [
                            {
                                "subjects": [subject],
                                "resourceRules": [{**rule, "namespaces": ["*"]}],
                                "nonResourceRules": paths,
                            }
                        ],
                    },
                }
            )
    return schemas
