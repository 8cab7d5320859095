"""What routers and Services are tried on: a Canary with its target, in memory or on the lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import HTTP_ROUTE, NAMESPACE
from blocks.kubernetes.writer import Writer
from blocks.routers.base import Router
from blocks.routers.gateway_api import GatewayApiRouter
from blocks.services import Services
from sluice.manifests.flagger.canary import Canary
from tests.samples import deployment


@dataclass
class Ground:
    """A router, a Canary with its target for it to work on, and shares of the traffic to try one after the other."""

    router: Router
    canary: Canary
    target: dict[str, Any]
    cluster: Cluster | None = None
    seen: Informers | None = None
    shares: tuple[int, ...] = (10, 60, 100, 0, 1, 99, 50, 50)

    @property
    def writer(self) -> Writer:
        assert self.cluster is not None
        assert self.seen is not None
        return Writer(self.cluster, self.seen, lambda: None, "run/1")

    async def replace_route(self, route: dict[str, Any]) -> None:
        """What somebody else does to the route; returns when it was seen."""
        assert self.cluster is not None
        assert self.seen is not None
        self.seen.learn(HTTP_ROUTE, await self.cluster.replace(HTTP_ROUTE, route))


class on_the_lab:  # noqa: N801 - used as a verb
    """A namespace with a Canary that nobody rolls out: there is no target in the cluster."""

    def __init__(self, env: dict[str, Any], manifest: dict[str, Any]) -> None:
        self.env, self.manifest, self.namespace = env, manifest, f"router-{uuid4().hex[:6]}"

    async def __aenter__(self) -> Ground:
        self.cluster = await Cluster.connect(self.env["kubeconfig"], self.env["context"])
        await self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        self.manifest["metadata"] = {"name": "shop", "namespace": self.namespace}
        self.manifest["spec"]["service"] |= {"gatewayRefs": [self.env["gateway"]], "hosts": [f"{self.namespace}.test"]}
        canary = Canary.parse(await self.cluster.create(self.manifest))
        self.seen = Informers(self.cluster, (self.namespace,))
        writer = Writer(self.cluster, self.seen, lambda: None, "run/1")
        # A route whose backends are not there is not in force, as its controller says.
        await Services(writer).ensure(canary, deployment())
        return Ground(GatewayApiRouter(writer), canary, deployment(), self.cluster, self.seen)

    async def __aexit__(self, *_: object) -> None:
        await self.seen.close()
        await self.cluster.delete(NAMESPACE, self.namespace)
        await self.cluster.close()
