"""A whole installation on a real cluster: `sluice up`, and what people and accidents do to it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, HTTP_ROUTE, NAMESPACE
from lab.load.summary import RequestLog
from tests.flows.lab_app import PATIENCE, App, install_kinds, push_images

pytestmark = pytest.mark.lab
Object = dict[str, Any]
CANCEL = {"type": "CANCELLING", "name": "Cancelling"}
PAUSE = {
    "type": "PAUSED",
    "name": "Suspended",
    "state_details": {"pause_timeout": "2099-01-01T00:00:00Z", "pause_reschedule": True},
}
"""What the UI's buttons set."""


@dataclass
class Installation:
    """One `sluice up` with a home of its own; it can be killed and started again."""

    env: Object
    home: Path
    namespace: str
    prefect_port: int
    receiver_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port}/api"

    def start(self) -> None:
        settings = {
            "HOME": self.home,
            "NAMESPACES": self.namespace,
            "KUBECONFIG": self.env["kubeconfig"],
            "CONTEXT": self.env["context"],
            "PREFECT_PORT": self.prefect_port,
            "RECEIVER_PORT": self.receiver_port,
            "METRICS_URL": self.env["prometheus_url"],
            "SLACK_TOKEN": self.env["slack_token"],
            "SLACK_URL": self.env["slack_url"] + "/api/",
        }
        environment = {**os.environ, **{f"SLUICE_{key}": str(value) for key, value in settings.items()}}
        with (self.home.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deployments.cli", "up"], env=environment, stdout=log, stderr=log
            )

    def end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    async def runs(self, version: str) -> list[Object]:
        """The roll_out runs of one version, oldest first."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            asked = {"flow_runs": {"tags": {"all_": [f"version:{version}"]}}, "sort": "EXPECTED_START_TIME_ASC"}
            answer = await http.post(f"{self.api}/flow_runs/filter", json=asked)
            return list(answer.json())

    async def press(self, run: Object, what: str, body: Object | None = None) -> None:
        """What a button of the UI sends."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.post(f"{self.api}/flow_runs/{run['id']}/{what}", json=body or {})
            answer.raise_for_status()


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something that happens within seconds when all is well."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(httpx.HTTPError):
                if await condition():
                    return
            await asyncio.sleep(0.2)
    raise AssertionError(what)


@dataclass
class Scene:
    """The installation and the application that it looks after."""

    sluice: Installation
    app: App

    async def until_phase(self, *phases: str) -> str:
        await self.app.until(
            lambda: self.app.values("phase")[-1:] and self.app.values("phase")[-1] in phases, str(phases)
        )
        return str(self.app.values("phase")[-1])

    async def release(self, tag: str) -> None:
        """Change the target as a person would and wait until the new version has users."""
        self.app.seen.clear()
        await self.app.set_image(tag)
        await self.app.until_weight(30)

    async def until_state(self, version: str, *names: str) -> Object:
        """The run of a version, once it is in one of these states."""
        found: list[Object] = []

        async def there() -> bool:
            found[:] = [run for run in await self.sluice.runs(version) if run["state_name"] in names]
            return bool(found)

        await until(there, f"{version} in {names}")
        return found[-1]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def scene(env: Object, folder: Path) -> AsyncIterator[Scene]:
    """`sluice up` and an application that it has initialised by itself."""
    namespace = f"up-{uuid4().hex[:5]}"
    cluster = await Cluster.connect(env["kubeconfig"], env["context"])
    app = App(env, cluster, namespace, RequestLog(folder / "none.jsonl"))
    sluice = Installation(env, folder / "home", namespace, free_port(), free_port())
    watchers: list[asyncio.Task[None]] = []
    try:
        await install_kinds(cluster)
        sluice.start()
        await app.install({"analysis": {"metrics": []}})
        watchers = [asyncio.create_task(app.follow(kind)) for kind in (CANARY, HTTP_ROUTE, DEPLOYMENT)]
        it = Scene(sluice, app)
        await it.until_phase("Initialized")
        yield it
    finally:
        for watcher in watchers:
            watcher.cancel()
        if sluice.process and sluice.process.poll() is None:
            sluice.end(signal.SIGTERM)
        await cluster.delete(NAMESPACE, namespace)
        await cluster.close()


async def test_an_installation_survives_what_people_and_accidents_do_to_it(
    lab_env: dict[str, Any], tmp_path: Path
) -> None:
    """Kill -9 in the middle of a step, Cancel and Pause in the UI: each ends as the design says, one after the other."""
    push_images(lab_env)
    async with scene(lab_env, tmp_path) as it:
        await a_killed_worker_goes_on_with_the_same_run(it)
        await cancel_brings_the_traffic_home(it)
        await pause_holds_the_weight_until_resume(it)
        process = it.sluice.process
        assert process is not None
        it.sluice.end(signal.SIGTERM)
        assert process.returncode == 0, "an orderly stop is no error"


async def a_killed_worker_goes_on_with_the_same_run(it: Scene) -> None:
    """After kill -9 the same run goes on from the journal: no step is rolled back, none is begun twice."""
    await it.release("1.1.0")
    started = [value for value in it.app.values("step") if value[0] == 30][-1]
    it.sluice.end(signal.SIGKILL)
    it.sluice.start()
    assert await it.until_phase("Succeeded", "Failed") == "Succeeded"
    assert it.app.values("weight") == [30, 60, 100, 0]
    assert [value for value in it.app.values("step") if value[0] == 30] == [started]
    run = await it.until_state("1.1.0", "Promoted")
    assert len(await it.sluice.runs("1.1.0")) == 1, "the same run went on, no second one was started"
    assert run["run_count"] == 2


async def cancel_brings_the_traffic_home(it: Scene) -> None:
    """Cancel = traffic home, canary to 0; the run ends as Cancelled and the primary is as it was."""
    await it.release("1.2.0")
    run = await it.until_state("1.2.0", "Running")
    await it.sluice.press(run, "set_state", {"state": CANCEL})
    assert await it.until_phase("Failed", "Succeeded") == "Failed"
    assert it.app.order("weight", "replicas")[-2:] == [("weight", 0), ("replicas", 0)]
    assert await it.app.image("shop-primary") == "1.1.0"
    await it.until_state("1.2.0", "Cancelled")


async def pause_holds_the_weight_until_resume(it: Scene) -> None:
    """Pause = the weight is held; Resume goes on to promotion, in the same run."""
    await it.release("1.0.0")
    run = await it.until_state("1.0.0", "Running")
    await it.sluice.press(run, "set_state", {"state": PAUSE})
    await it.until_state("1.0.0", "Paused")
    await asyncio.sleep(7)
    assert it.app.values("weight") == [30], "two intervals have passed, and the weight is held"
    await it.sluice.press(run, "resume")
    assert await it.until_phase("Succeeded", "Failed") == "Succeeded"
    await it.until_state("1.0.0", "Promoted")
    states = [run["state_name"] for run in await it.sluice.runs("1.0.0")]
    assert sorted(states) == ["Initialised", "Promoted"], "one run initialised it, one promoted it again"
