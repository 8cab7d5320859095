"""On a real cluster with real users: a take-over and edits of the manifest cost nobody a request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, HTTP_ROUTE, NAMESPACE, SERVICE
from blocks.kubernetes.writer import Writer
from blocks.routers.gateway_api import GatewayApiRouter
from blocks.routers.kubernetes import KubernetesRouter
from blocks.routers.way_in import ensure_way_in, release_way_in
from blocks.services import Services
from lab.apps.variants import push_variant
from lab.load import LOAD
from lab.load.summary import RequestLog, UserRequest
from lab.processes.child import Child
from lab.programs.gobuild import build_program
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.strategies.base import Traffic
from sluice.rollout.workloads.copies import primary_copy
from sluice.rollout.workloads.deployment import DEPLOYMENT as DEPLOYMENTS
from tests.samples import canary_manifest, deployment

pytestmark = pytest.mark.lab
Object = dict[str, Any]
RATE, PATIENCE, SETTLE = 100, 60.0, 2.0


class Place:
    """An application with a Service and a route of its own, its users, and a Canary whose primary is there."""

    def __init__(self, env: Object, cluster: Cluster, writer: Writer, users: RequestLog, namespace: str) -> None:
        self.env, self.cluster, self.users, self.namespace = env, cluster, users, namespace
        self.services, self.gateway = Services(writer), GatewayApiRouter(writer)
        self.kubernetes = KubernetesRouter(writer)
        self.acts: list[tuple[float, str]] = []
        image = f"{env['registry']}/rollout-shop:1.0.0"
        probe = {"httpGet": {"path": "/ready", "port": 9898}, "periodSeconds": 1}
        self.target = deployment(image, replicas=1)
        self.target["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
        self.target["metadata"] = {"name": "shop", "namespace": namespace, "labels": {"app": "shop"}}
        self.manifest = canary_manifest({"service": {"gatewayRefs": [env["gateway"]], "hosts": [f"{namespace}.test"]}})
        self.manifest["metadata"] = {"name": "shop", "namespace": namespace}

    async def install(self) -> None:
        meta = {"name": "shop", "namespace": self.namespace}
        ports = [{"name": "http", "port": 80, "targetPort": 9898}]
        service = {"type": "NodePort", "selector": {"app": "shop"}, "ports": ports}
        backends = [{"name": "shop", "port": 80}]
        spec = {"parentRefs": [self.env["gateway"]], "hostnames": [f"{self.namespace}.test"]}
        for kind, api, body in (
            ("Service", "v1", service),
            ("HTTPRoute", HTTP_ROUTE.api_version, {**spec, "rules": [{"backendRefs": backends}]}),
        ):
            await self.cluster.create({"apiVersion": api, "kind": kind, "metadata": meta, "spec": body})
        await self.cluster.create(self.target)
        self.manifest = await self.cluster.create(self.manifest)
        await self.cluster.create(primary_copy(DEPLOYMENTS, self.canary, self.target, 1))
        async with asyncio.timeout(PATIENCE):
            for name in ("shop", "shop-primary"):
                while not (await self.cluster.get(DEPLOYMENT, name, self.namespace))["status"].get("readyReplicas"):
                    await asyncio.sleep(0.1)
            while not await self.answers():
                await asyncio.sleep(0.1)

    async def answers(self) -> bool:
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                answer = await http.get(self.env["gateway_url"], headers={"Host": f"{self.namespace}.test"})
            return answer.status_code == 200
        return False

    @property
    def canary(self) -> Canary:
        return Canary.parse({**self.manifest, "status": {"phase": "Progressing"}})

    async def edit(self, **service: Any) -> None:
        """What a person does to the manifest, and who tends it at once."""
        self.manifest = await self.cluster.patch(CANARY, "shop", self.namespace, {"spec": {"service": service}})
        await self.ensure()

    async def delete(self, kind: Kind, name: str) -> None:
        """What a person does by hand; returns when the watch has brought it."""
        self.noted(f"delete {name}")
        async with self.gateway.writer.informers.following(kind, name, self.namespace) as followed:
            await self.cluster.delete(kind, name, self.namespace)
            assert await followed.until(lambda one: one is None, PATIENCE)

    async def shift(self, weight: int) -> None:
        self.noted(f"shift to {weight}")
        await self.gateway.shift(self.canary, Traffic(weight))
        await asyncio.sleep(SETTLE)

    async def ensure(self) -> None:
        self.noted("ensure")
        await ensure_way_in(self.services, self.gateway, self.canary, self.target)
        await asyncio.sleep(SETTLE)

    async def failed(self) -> list[str]:
        """The requests of users that failed so far, each with the act before it; there were many that did not."""
        await asyncio.sleep(SETTLE)
        assert len(self.users.read()) > RATE
        return [self.known(one) for one in self.users.read() if one.failed]

    def known(self, request: UserRequest) -> str:
        at, act = max((one for one in self.acts if one[0] <= request.answered), default=(0.0, "nothing"))
        return f"{request.status} {request.error} {request.answered - at:.2f} s after {act}"

    def noted(self, act: str) -> None:
        self.acts.append((time.time(), act))

    def ports(self, service: Object) -> list[tuple[str, int]]:
        return [(one["name"], one["port"]) for one in service["spec"]["ports"]]


@asynccontextmanager
async def placed(env: Object, folder: Path) -> AsyncIterator[Place]:
    push_variant(env["registry"], "rollout-shop", "1.0.0", "good")
    namespace, out = f"way-in-{uuid4().hex[:6]}", folder / "users.jsonl"
    cluster = await Cluster.connect(env["kubeconfig"], env["context"])
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    load: Child | None = None
    try:
        async with informed(cluster, (namespace,)) as seen:
            writer = Writer(cluster, seen, lambda: None, "run/1")
            place = Place(env, cluster, writer, RequestLog(out), namespace)
            await place.install()
            command = [build_program(LOAD, "load"), "--url", env["gateway_url"], "--host", f"{namespace}.test"]
            command += ["--rate", RATE, "--out", out]
            load = Child.started("load", [str(part) for part in command], folder / "load.log")
            yield place
    finally:
        if load:
            await asyncio.to_thread(load.stop)
        await cluster.delete(NAMESPACE, namespace)
        await cluster.close()


async def test_a_take_over_and_every_edit_of_the_manifest_lose_no_request(
    lab_env: dict[str, Any], tmp_path: Path
) -> None:
    """Service and route of the application's own, then its ports under a share of the canary, then all of it put back."""
    async with placed(lab_env, tmp_path) as place:
        before = await place.cluster.get(SERVICE, "shop", place.namespace)
        await place.ensure()
        assert await place.gateway.weight(place.canary) == 0
        assert await place.failed() == [], "taken over"
        await place.shift(40)
        for edit in ({"port": 8080}, {"portName": "web"}, {"port": 9090, "portName": "other"}, {"port": 80}):
            await place.edit(**edit)
            assert await place.failed() == [], edit
            service = await place.cluster.get(SERVICE, "shop-primary", place.namespace)
            asked = place.canary.spec.service
            assert place.ports(service) == [(asked.port_name, asked.port)]
            assert await place.gateway.weight(place.canary) == 40
        apex = await place.cluster.get(SERVICE, "shop", place.namespace)
        assert (apex["spec"]["type"], apex["spec"]["clusterIP"]) == ("NodePort", before["spec"]["clusterIP"])
        await release_way_in(place.services, [place.gateway, place.kubernetes], place.canary)
        assert await place.failed() == [], "put back"
        apex = await place.cluster.get(SERVICE, "shop", place.namespace)
        assert apex["spec"]["selector"] == before["spec"]["selector"]
        assert before["spec"]["ports"][0] in apex["spec"]["ports"]


async def test_what_is_deleted_by_hand_is_made_again_and_serves(lab_env: dict[str, Any], tmp_path: Path) -> None:
    """The canary's Service costs nobody anything who is on the primary; a route that is made again answers."""
    async with placed(lab_env, tmp_path) as place:
        await place.ensure()
        await place.delete(SERVICE, "shop-canary")
        await place.ensure()
        assert await place.services.endpoints(place.canary, Side.CANARY)
        await place.shift(50)
        assert await place.failed() == []
        await place.delete(HTTP_ROUTE, "shop")
        await place.ensure()
        assert await place.gateway.weight(place.canary) == 0
        before = len(await place.failed())
        served = len(place.users.read())
        await asyncio.sleep(SETTLE)
        assert len(await place.failed()) == before, "after it was made again"
        assert len(place.users.read()) > served + RATE


async def test_traffic_goes_home_also_where_the_canary_s_service_is_gone(
    lab_env: dict[str, Any], tmp_path: Path
) -> None:
    """The controller says so of the backend, and takes the new weights nevertheless."""
    async with placed(lab_env, tmp_path) as place:
        await place.ensure()
        await place.shift(30)
        await place.delete(SERVICE, "shop-canary")
        await place.shift(0)
        assert await place.gateway.weight(place.canary) == 0
        before = len(await place.failed())
        await asyncio.sleep(SETTLE)
        assert len(await place.failed()) == before
