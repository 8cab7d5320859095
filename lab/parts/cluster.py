"""What is in the lab's cluster once its processes run: the node's readiness, the gateway's kinds, the Gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lab import ports
from lab.api.client import Api
from lab.api.paths import path, path_of
from lab.parts import config
from lab.parts.certificates import NODE
from lab.programs.build import Built

GATEWAY_CLASS = "contour"
WAIT_S = 60.0


class Cluster:
    """The cluster that comes up; `meanwhile` is called while waiting, and may raise to end the wait."""

    def __init__(self, api: Api, meanwhile: Callable[[], None]) -> None:
        self._api = api
        self._meanwhile = meanwhile

    async def apply_crds(self, built: Built) -> None:
        """The kinds of the Gateway API and of Contour, and wait until the apiserver serves them."""
        manifests = json.loads(built.crds.read_text())
        for manifest in manifests:
            await self._api.apply(manifest)
        for manifest in manifests:
            await self._wait_for(path_of(manifest), "Established")

    async def apply_gateway(self) -> None:
        """One Gateway for the whole lab, open to the routes of every namespace."""
        for manifest in gateway_manifests():
            await self._api.apply(manifest)

    async def wait_for_node(self) -> None:
        """Wait until pods can run."""
        await self._wait_for(path("nodes", name=NODE), "Ready")

    async def wait_for_gateway(self) -> None:
        """Wait until Contour has accepted the Gateway and configured Envoy for it."""
        await self._wait_for(path("gateways", config.GATEWAY_NAMESPACE, config.GATEWAY_NAME), "Programmed")

    async def _wait_for(self, where: str, condition: str) -> None:
        await self._api.wait_for(where, condition, WAIT_S, self._meanwhile)


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
