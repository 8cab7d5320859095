"""What is in the lab's cluster once its processes run: the node's readiness, the gateway's kinds, the Gateway."""

from __future__ import annotations

import json
from typing import Any

from lab import config, ports
from lab.build import Built
from lab.certificates import NODE
from lab.kubeapi import PATHS, KubeApi

GATEWAY_CLASS = "contour"
WAIT_S = 60.0


def apply_crds(api: KubeApi, built: Built) -> None:
    """The kinds of the Gateway API and of Contour, and wait until the apiserver serves them."""
    manifests = json.loads(built.crds.read_text())
    for manifest in manifests:
        api.apply(manifest)
    for manifest in manifests:
        path = PATHS["CustomResourceDefinition"].format(name=manifest["metadata"]["name"])
        api.wait_for(path, "Established", WAIT_S)


def apply_gateway(api: KubeApi) -> None:
    """One Gateway for the whole lab, open to the routes of every namespace."""
    for manifest in gateway_manifests():
        api.apply(manifest)


def wait_for_node(api: KubeApi) -> None:
    """Wait until pods can run."""
    api.wait_for(f"/api/v1/nodes/{NODE}", "Ready", WAIT_S)


def wait_for_gateway(api: KubeApi) -> None:
    """Wait until Contour has taken the Gateway and told Envoy of it."""
    path = PATHS["Gateway"].format(name=config.GATEWAY_NAME, namespace=config.GATEWAY_NAMESPACE)
    api.wait_for(path, "Programmed", WAIT_S)


def gateway_manifests() -> list[dict[str, Any]]:
    """Namespace, GatewayClass and Gateway."""
    listener = {
        "name": "http",
        "protocol": "HTTP",
        "port": ports.GATEWAY_LISTENER,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": config.GATEWAY_NAMESPACE}},
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": GATEWAY_CLASS},
            "spec": {"controllerName": "projectcontour.io/gateway-controller"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": config.GATEWAY_NAME, "namespace": config.GATEWAY_NAMESPACE},
            "spec": {"gatewayClassName": GATEWAY_CLASS, "listeners": [listener]},
        },
    ]
