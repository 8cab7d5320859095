"""The sample application with a Canary in a namespace of its own on the lab, its users, and what was seen of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr

from blocks.chat.base import ChatAddress
from blocks.chat.slack import Slack
from blocks.connections import Connections
from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from blocks.gates.table import Gates
from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import news
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import CANARY, HTTP_ROUTE, NAMESPACE, SERVICE, WORKLOAD_KINDS
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.metrics.providers import Providers
from blocks.routers import router_for
from flows.roll_out import roll_out
from lab.apps.variants import push_variant
from lab.load import LOAD
from lab.load.summary import RequestLog
from lab.processes.child import Child
from lab.programs.gobuild import build_program
from sluice.manifests.crd import crds
from sluice.rollout.workloads import WORKLOADS
from tasks.run_signals import RunSignals, bind
from tests.samples import canary_manifest, merged, success_rate, workload

Object = dict[str, Any]
REPOSITORY = "rollout-shop"
VARIANTS = {
    "1.0.0": "good",
    "1.1.0": "good",
    "1.2.0": "good",
    "1.1.0-bad": "fail:50",
    "1.1.0-flag": "flag:50",
    "1.1.0-slow": "slow:300",
    "1.1.0-never": "never-ready",
}
SIZES: dict[str, Object] = {"Deployment": {"spec": {"replicas": 1}}}
WEIGHTS = [30, 60]
RATE = 20
PATIENCE = 90.0
"""Seconds after which what should happen is taken not to happen; no test waits that long when all is well."""


@asynccontextmanager
async def wired(env: Object, identity: str = "test") -> AsyncIterator[Connections]:
    """Connections to the lab, as `deployments.wiring` makes them to an installation."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        cluster = await Cluster.connect(env["kubeconfig"], env["context"])
        stack.push_async_callback(cluster.close)
        informers, webhooks = await stack.enter_async_context(informed(cluster)), Gates(http)
        yield Connections(
            cluster=cluster,
            router=router_for,
            metrics=Providers(http, {"prometheus": env["prometheus_url"]}),
            gates=webhooks,
            gate_kinds=GateKinds(Ways(cluster=cluster, informers=informers, http=http, webhooks=webhooks)),
            informers=informers,
            lease=await stack.enter_async_context(kept(cluster, "default", process_identity(identity))),
            workers=Workers(cluster),
            chat=Slack.connect(
                ChatAddress(token=SecretStr(env["slack_token"]), channel="deliveries", url=env["slack_url"] + "/api/")
            ),
        )


async def install_kinds(cluster: Cluster) -> None:
    """sluice's own definitions, as `sluice crds` prints them."""
    for definition in crds():
        await cluster.apply(definition)


def push_images(env: Object) -> None:
    """Every variant that the stories need, under a repository that no image policy of a demo looks at."""
    for tag, variant in VARIANTS.items():
        push_variant(env["registry"], REPOSITORY, tag, variant)


@dataclass
class App:
    """One application under a Canary.

    Attributes:
        kind: of the Canary's target.
        seen: (resourceVersion, what, value) of each change; the versions are the cluster's own order of events.
    """

    env: Object
    cluster: Cluster
    namespace: str
    users: RequestLog
    kind: str = "Deployment"
    seen: list[tuple[int, str, Any]] = field(default_factory=list)
    _last: dict[str, Any] = field(default_factory=dict)

    async def install(self, spec: Object) -> None:
        image = f"{self.env['registry']}/{REPOSITORY}:1.0.0"
        probe = {"httpGet": {"path": "/ready", "port": 9898}, "periodSeconds": 1}
        target = workload(self.kind, image, change=SIZES.get(self.kind))
        target["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
        target["metadata"] = {"name": "shop", "namespace": self.namespace, "labels": {"app": "shop"}}
        gateway = {"gatewayRefs": [self.env["gateway"]], "hosts": [self.host]}
        analysis = {"interval": "3s", "threshold": 2, "stepWeights": WEIGHTS, "metrics": [success_rate(99)]}
        canary = canary_manifest(merged({"service": gateway, "analysis": analysis}, spec))
        canary["metadata"] = {"name": "shop", "namespace": self.namespace}
        await self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        await self.cluster.create(target)
        for item in FRONTS.get(canary["spec"]["provider"], lambda it: [])(self):
            await self.cluster.create(item)
        await self.cluster.create(canary)

    @property
    def host(self) -> str:
        return f"{self.namespace}.test"

    async def set_image(self, tag: str) -> None:
        """What `kubectl set image` does."""
        target = await self.cluster.get(WORKLOAD_KINDS[self.kind], "shop", self.namespace)
        (container,) = target["spec"]["template"]["spec"]["containers"]
        container = {**container, "image": f"{self.env['registry']}/{REPOSITORY}:{tag}"}
        template = {"template": {"spec": {"containers": [container]}}}
        await self.cluster.patch(WORKLOAD_KINDS[self.kind], "shop", self.namespace, {"spec": template})

    def start(self, signals: RunSignals | None = None, revision: str = "") -> asyncio.Task[str]:
        """A run of the flow beside the caller."""

        async def run() -> str:
            bind(signals or RunSignals())
            # By its message, as the UI tells it: the data is missing where the server was told of the end twice.
            state = await roll_out(namespace=self.namespace, canary="shop", revision=revision, return_state=True)
            if not state.is_completed() and state.name != "Rolled back":
                await state.aresult()  # raises what it failed with
            return str(state.message)

        return asyncio.create_task(run())

    async def canary(self) -> Object:
        return await self.cluster.get(CANARY, "shop", self.namespace)

    async def image(self, name: str) -> str:
        found = await self.cluster.get(WORKLOAD_KINDS[self.kind], name, self.namespace)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]

    def values(self, what: str) -> list[Any]:
        """The values that something had, in order."""
        return [value for _, kind, value in sorted(self.seen, key=lambda one: one[0]) if kind == what]

    def order(self, *whats: str) -> list[tuple[str, Any]]:
        """The changes of several things in the cluster's own order."""
        return [(kind, value) for _, kind, value in sorted(self.seen, key=lambda one: one[0]) if kind in whats]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{self.namespace}: {what} did not come; seen {self.seen[-12:]}")
            await asyncio.sleep(0.05)

    async def until_weight(self, weight: int) -> None:
        await self.until(lambda: weight in self.values("weight"), f"a weight of {weight}")

    async def follow(self, kind: Kind) -> None:
        """Note what changes of one kind, until cancelled."""
        async for told in news(self.cluster, kind, self.namespace):
            for item in told.objects:
                if item["metadata"]["name"] in {"shop", "shop-baseline"}:
                    for what, value in _facts(item):
                        self._note(int(item["metadata"]["resourceVersion"]), what, value)

    def _note(self, version: int, what: str, value: Any) -> None:
        if self._last.get(what, "nothing yet") != value:
            self._last[what] = value
            self.seen.append((version, what, value))


def own_front(it: App) -> list[Object]:
    """What an application has that knows nothing of sluice: a Service, and a route that names just this Service."""
    meta = {"name": "shop", "namespace": it.namespace}
    ports = [{"name": "http", "port": 80, "targetPort": 9898}]
    backends = [{"name": "shop", "port": 80}]
    gateway = {"parentRefs": [it.env["gateway"]], "hostnames": [it.host], "rules": [{"backendRefs": backends}]}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": "shop"}, "ports": ports},
        },
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": meta, "spec": gateway},
    ]


FRONTS: dict[str, Callable[[App], list[Object]]] = {"kubernetes": own_front}
"""How users reach the application where the Canary's provider makes no route for them."""


def _facts(item: Object) -> list[tuple[str, Any]]:
    if item["kind"] == "Canary":
        status = item.get("status") or {}
        step = (status.get("canaryWeight"), status.get("stepStarted"))
        return [("phase", status.get("phase")), ("step", step), ("promoted", status.get("lastPromotedSpec"))]
    if item["kind"] == "Service":
        return [("users at", item["spec"]["selector"]["app"])]
    if item["kind"] == "HTTPRoute":
        weights = {one["name"]: one["weight"] for one in item["spec"]["rules"][0]["backendRefs"]}
        if "shop-canary" not in weights:
            return []
        beside = [("baseline weight", weights["shop-baseline"])] if "shop-baseline" in weights else []
        return [("weight", weights["shop-canary"]), *beside]
    if item["metadata"]["name"] == "shop-baseline":
        return [("baseline replicas", _size(item))]
    return [("replicas", _size(item))]


def _size(item: Object) -> int:
    """How many pods a workload was given; 1 where it has one on the lab's node."""
    at_rest = WORKLOADS[item["kind"]].writes.scaled(item, 0) is None
    return 0 if at_rest else int(item["spec"].get("replicas", 1))


@asynccontextmanager
async def app(env: Object, cluster: Cluster, name: str, folder: Path, spec: Object) -> AsyncIterator[App]:
    """The application, initialised by its first run and used by people, for the duration of the block."""
    namespace = f"roll-out-{name}-{uuid4().hex[:5]}"
    out = folder / f"{namespace}.jsonl"
    it = App(env, cluster, namespace, RequestLog(out), spec.get("targetRef", {}).get("kind", "Deployment"))
    await it.install(spec)
    watchers = [asyncio.create_task(it.follow(kind)) for kind in (CANARY, HTTP_ROUTE, SERVICE, WORKLOAD_KINDS[it.kind])]
    load: Child | None = None
    try:
        first = await it.start()
        if not first.startswith("initialised"):
            raise AssertionError(f"{namespace} was not initialised: {first}")
        await it.until(lambda: _answers(env, it.host), "an answer to a user")
        command = [build_program(LOAD, "load"), "--url", env["gateway_url"], "--host", it.host, "--rate", RATE]
        load = Child.started("load", [str(part) for part in [*command, "--out", out]], folder / f"{namespace}.log")
        yield it
    finally:
        if load:
            await asyncio.to_thread(load.stop)
        for watcher in watchers:
            watcher.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*watchers)
        await cluster.delete(NAMESPACE, namespace)


def _answers(env: Object, host: str) -> bool:
    with suppress(httpx.HTTPError):
        answer = httpx.get(env["gateway_url"], headers={"Host": host}, timeout=2, trust_env=False)
        return answer.status_code == 200
    return False
