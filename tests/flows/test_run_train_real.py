"""A train of three services whose rollouts are the real ones: they wait for it, go on by it, and go home by it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest

from blocks.routers.gateway_api import GatewayApiRouter
from flows import roll_out as rollouts
from flows import run_train as trains
from flows.run_train import run_train
from sluice.errors import StaleError, TransientError
from sluice.manifests.own.train import Train, TrainPhase
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import Provided, connected
from tests.flows.test_roll_out_stopped import OWN, TEMPLATE, Offered
from tests.memory_cluster import MemoryCluster
from tests.memory_workloads import image_of
from tests.samples import NAMESPACE, canary_manifest, deployment
from tests.virtual_time import in_no_time

NAMES = ("db", "api", "web")
TRAIN = {
    "apiVersion": "sluice.dev/v1alpha1",
    "kind": "Train",
    "metadata": {"name": "monday", "namespace": NAMESPACE, "uid": "uid-monday", "resourceVersion": "1"},
    "spec": {
        "cars": [{"canary": "db"}, {"canary": "api", "after": ["db"]}, {"canary": "web", "after": ["api"]}],
    },
}
STAGES = ("act_on_train", "announce_train", "call_back")


class Metrics:
    """Good, but for those services that are named in `bad`, from the moment that is waited for."""

    def __init__(self) -> None:
        self.bad: set[str] = set()

    def now(self) -> float:
        import time

        return time.time()

    async def value(self, query: str) -> float:
        return 0.0 if any(name in query for name in self.bad) else 1.0


class Town:
    """Three services with their rollouts, and their train."""

    def __init__(self, **spec: Any) -> None:
        self.cluster, self.metrics = MemoryCluster(), Metrics()
        self.promoted: list[str] = []
        for name in NAMES:
            template = {**TEMPLATE, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {**TEMPLATE["spec"]}}
            template["spec"]["query"] = name
            metric = {**OWN, "templateRef": {"name": name}}
            analysis = {"interval": "1s", "metrics": [metric], "threshold": 1}
            canary = canary_manifest({"analysis": analysis, "service": {"hosts": [name]}}, name=name)
            canary["metadata"]["uid"] = f"canary-{name}-{id(self)}"
            self.cluster.add(template, canary, deployment(f"registry/{name}:1.0.0", name=name))
        self.spec = spec
        self.runs: dict[str, asyncio.Task[Any]] = {}

    def push(self, version: str) -> None:
        for name in NAMES:
            target = self.cluster.now("Deployment", name, NAMESPACE)
            template = deployment(f"registry/{name}:{version}", name=name)["spec"]["template"]
            self.cluster.add({**target, "spec": {**target["spec"], "template": template}})

    async def post(self, events: Any) -> Any:
        for event in events:
            self.carry(event.canary)
        return events

    def carry(self, name: str) -> None:
        """A run of `roll_out`, where there is none."""
        if name not in self.runs or self.runs[name].done():
            self.runs[name] = asyncio.create_task(self._carried(name))

    async def _carried(self, name: str) -> None:
        ref = RolloutRef(namespace=NAMESPACE, name=name)
        async with claimed(ref, f"run-{name}-{id(asyncio.current_task())}") as lease:
            run = await rollouts.resumed(ref)
            run.cleaning = True
            await rollouts.brought(run, lease)
            await run.flush()

    def status(self, name: str) -> dict[str, Any]:
        return self.cluster.now("Canary", name, NAMESPACE).get("status") or {}

    def phases(self) -> dict[str, str]:
        return {name: self.status(name).get("phase", "") for name in NAMES}

    def users_meet(self) -> dict[str, str]:
        """What each primary runs."""
        found = {name: self.cluster.now("Deployment", f"{name}-primary", NAMESPACE) for name in NAMES}
        return {name: image_of(one["spec"]).partition(":")[2] for name, one in found.items()}

    def weights(self) -> set[int]:
        routes = [self.cluster.now("HTTPRoute", name, NAMESPACE) for name in NAMES]
        return {ref["weight"] for one in routes for ref in one["spec"]["rules"][0]["backendRefs"][1:]}

    @property
    def train(self) -> Train:
        return Train.parse(self.cluster.now("Train", "monday", NAMESPACE))

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(1200):
            while not what():
                await asyncio.sleep(0.5)

    def depart(self, wish: str) -> None:
        item = self.cluster.now("Train", "monday", NAMESPACE)
        meta = {**item["metadata"], "annotations": {"sluice.dev/depart": wish}}
        self.cluster.add({**item, "metadata": meta})

    async def journey(self) -> None:
        """Runs of run_train until it is at its end."""
        await run_train.fn(NAMESPACE, "monday")


def lived(town: Town, story: Callable[[], Any]) -> None:
    parts = {"router": lambda provider, writer: GatewayApiRouter(writer), "services": Offered, "prefect": town}

    async def whole() -> None:
        log = logging.getLogger("test")
        patches = [patch.object(trains, name, getattr(trains, name).fn) for name in STAGES]
        patches += [patch.object(trains, "draw_train", None), patch.object(trains, "get_run_logger", lambda: log)]
        patches += [patch.object(rollouts, "get_run_logger", lambda: log)]
        for one in patches:
            one.start()
        try:
            metrics: Any = Provided(town.metrics)
            async with connected(town.cluster, "worker", metrics=metrics, gates=None, **parts):
                for name in NAMES:
                    town.carry(name)
                await asyncio.gather(*town.runs.values())
                town.cluster.add({**TRAIN, "spec": {**TRAIN["spec"], **town.spec}})
                town.push("1.1.0")
                for name in NAMES:
                    town.carry(name)
                await town.until(lambda: set(town.phases().values()) == {"Waiting"})
                await story()
                for run in town.runs.values():
                    run.cancel()
                with suppress(asyncio.CancelledError, TransientError, StaleError):
                    await asyncio.gather(*town.runs.values(), return_exceptions=True)
        finally:
            for one in patches:
                one.stop()

    in_no_time(whole)


@pytest.mark.parametrize("promotion", ["together", "in-order"])
def test_three_services_wait_for_their_train_and_arrive_with_it(promotion: str) -> None:
    """Nothing of them runs before; people read on each what it waits for."""
    town = Town(promotion=promotion)

    async def story() -> None:
        await asyncio.sleep(120)
        assert set(town.phases().values()) == {"Waiting"}
        said = town.status("web")["conditions"][0]["message"]
        assert said == f"Gate confirm-rollout: waits for Train {NAMESPACE}/monday: departs by hand"
        assert town.users_meet() == dict.fromkeys(NAMES, "1.0.0")
        assert {town.cluster.now("Deployment", name, NAMESPACE)["spec"]["replicas"] for name in NAMES} == {0}
        town.depart("now by ann: a test")
        await town.journey()
        await town.until(lambda: set(town.phases().values()) == {"Succeeded"})
        assert town.train.status.message == "3 of 3 promoted"
        assert town.users_meet() == dict.fromkeys(NAMES, "1.1.0")

    lived(town, story)


@pytest.mark.parametrize("promotion", ["together", "in-order"])
def test_all_go_home_where_one_fails_and_board_again(promotion: str) -> None:
    """In order, those that were promoted are taken back to what they ran before; only the failed one has failed."""
    town = Town(promotion=promotion)

    async def story() -> None:
        town.metrics.bad = {"web"}
        town.depart("now by ann: a test")
        await town.journey()
        assert town.train.status.phase is TrainPhase.RETURNED, town.train.status.message
        await town.until(lambda: town.phases() == {"db": "Waiting", "api": "Waiting", "web": "Failed"})
        assert town.users_meet() == dict.fromkeys(NAMES, "1.0.0")
        assert town.weights() == {0}
        assert {town.cluster.now("Deployment", name, NAMESPACE)["spec"]["replicas"] for name in NAMES} == {0}
        said = town.status("db")["conditions"][0]["message"]
        assert "went home: web failed" in said
        town.metrics.bad = set()
        target = town.cluster.now("Deployment", "web", NAMESPACE)
        mended = deployment("registry/web:1.2.0", name="web")["spec"]["template"]
        town.cluster.add({**target, "spec": {**target["spec"], "template": mended}})
        town.carry("web")
        await town.until(lambda: town.phases()["web"] == "Waiting")
        town.depart("again by ann: mended")
        await town.journey()
        await town.until(lambda: set(town.phases().values()) == {"Succeeded"})
        assert town.users_meet() == {"db": "1.1.0", "api": "1.1.0", "web": "1.2.0"}

    lived(town, story)
