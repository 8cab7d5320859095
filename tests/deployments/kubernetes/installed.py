"""sluice as pods on the lab, with rights in one namespace and PostgreSQL, and the application that it looks after there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, HTTP_ROUTE, NAMESPACE, POD
from lab import ports
from lab.load import LOAD
from lab.load.summary import RequestLog, UserRequest
from lab.parts import databases
from lab.paths import LabPaths
from lab.processes.child import Child
from lab.product.in_cluster import LOGIN, Pods
from lab.product.overlay import NAMESPACE as SLUICE
from lab.product.overlay import in_one_namespace
from lab.programs.gobuild import build_program
from tests.flows.lab_app import App, install_kinds

Object = dict[str, Any]
PATIENCE = 240.0
"""Seconds after which what should happen is taken not to happen: a probe needs a minute or two for its word."""
EXEC_S = 120
RATE = 20
API = f"http://{ports.HOST}:{ports.PREFECT}/api"


@dataclass
class Installed:
    """The pods and the application."""

    env: Object
    cluster: Cluster
    app: App

    async def until(self, condition: Callable[[], Awaitable[object]], what: str) -> None:
        """Wait for something that happens within seconds or minutes when all is well."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    with suppress(httpx.HTTPError):
                        if await condition():
                            return
                    await asyncio.sleep(0.25)
        raise AssertionError(f"{what}: {[self.brief(pod) for pod in await self.cluster.list(POD, SLUICE)]}")

    @staticmethod
    def brief(pod: Object) -> tuple[str, str, list[int]]:
        status = pod["status"]
        return (
            pod["metadata"]["name"],
            status["phase"],
            [c["restartCount"] for c in status.get("containerStatuses", ())],
        )

    async def pods(self, part: str) -> list[Object]:
        """Those of a part that are not on their way out."""
        found = await self.cluster.list(POD, SLUICE, f"app.kubernetes.io/component={part}")
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    async def run(self, part: str, *command: str) -> tuple[int, str]:
        """Run a command in a pod of a part; its status, and what it said."""
        (pod, *_) = await self.pods(part)
        return await self.run_in(pod["metadata"]["name"], part, *command)

    async def run_in(self, pod: str, part: str, *command: str) -> tuple[int, str]:
        kubectl = [str(Path(self.env["bin"]) / "kubectl"), "--kubeconfig", self.env["kubeconfig"]]
        whole = [*kubectl, "-n", SLUICE, "exec", pod, "-c", part, "--", *command]
        done = await asyncio.to_thread(
            subprocess.run, whole, capture_output=True, text=True, timeout=EXEC_S, check=False
        )
        return done.returncode, done.stdout + done.stderr

    async def evict(self, pod: str) -> None:
        """What `kubectl drain` asks for."""
        meta = {"name": pod, "namespace": SLUICE}
        path = POD.path(SLUICE, pod, "eviction")
        await self.cluster.server.call(
            "POST", path, body={"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        )

    async def runs(self, version: str) -> list[Object]:
        """The rollouts of one version, oldest first, as Prefect has them."""
        asked = {"flow_runs": {"tags": {"all_": [f"version:{version}"]}}, "sort": "EXPECTED_START_TIME_ASC"}
        user, _, password = LOGIN.partition(":")
        async with httpx.AsyncClient(trust_env=False, timeout=10, auth=(user, password)) as http:
            answer = await http.post(f"{API}/flow_runs/filter", json=asked)
            answer.raise_for_status()
            return list(answer.json())

    async def carrier(self, version: str) -> str:
        """The pod whose worker has the run of a version."""
        found: list[str] = []

        async def known() -> bool:
            found[:] = [str(run["infrastructure_pid"]) for run in await self.runs(version) if run["infrastructure_pid"]]
            return bool(found)

        await self.until(known, f"who has the run of {version}")
        return found[-1].partition(":")[0]

    async def until_phase(self, *phases: str) -> str:
        seen = self.app.values

        async def there() -> bool:
            return bool(seen("phase")) and seen("phase")[-1] in phases

        await self.until(there, f"one of {phases}; seen {self.app.seen[-8:]}")
        return str(seen("phase")[-1])

    async def release(self, tag: str) -> None:
        """Change the target as a person would, and wait until the new version has users."""
        self.app.seen.clear()
        await self.app.set_image(tag)
        await self.app.until_weight(30)

    def failed(self) -> list[UserRequest]:
        """What users lost until now."""
        return [request for request in self.app.users.read() if request.failed]


def freeze(pod_uid: str, program: str) -> list[int]:
    """Stop the processes of a container where they are, from outside of it; returns their ids on this machine."""
    frozen = []
    for folder in (one for one in Path("/proc").iterdir() if one.name.isdigit()):
        with suppress(OSError):
            mine = pod_uid in (folder / "cgroup").read_text()
            if mine and (folder / "comm").read_text().strip() == program:
                os.kill(int(folder.name), signal.SIGSTOP)
                frozen.append(int(folder.name))
    return frozen


@asynccontextmanager
async def installed(env: Object, folder: Path) -> AsyncIterator[Installed]:
    """Pods, database, application and users, for the duration of the block."""
    namespace, places = f"pods-{uuid4().hex[:5]}", LabPaths()
    databases.install()
    postgresql = databases.start_postgresql(places)
    # A pod and this machine both find it on their loopback address.
    pods = Pods(env, places, in_one_namespace(namespace, databases.POSTGRESQL_URL))
    cluster = await Cluster.connect(env["kubeconfig"], env["context"])
    app = App(env, cluster, namespace, RequestLog(folder / "users.jsonl"))
    ending: list[Callable[[], object]] = []
    watchers: list[asyncio.Task[None]] = []
    try:
        await install_kinds(cluster)
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        ending.append(pods.stop)
        await asyncio.to_thread(pods.start)
        await app.install({})
        watchers = [asyncio.create_task(app.follow(kind)) for kind in (CANARY, HTTP_ROUTE, DEPLOYMENT)]
        it = Installed(env, cluster, app)
        await it.until_phase("Initialized")
        load = _users(env, app, folder)
        ending.append(load.stop)
        yield it
    finally:
        for watcher in watchers:
            watcher.cancel()
        for end in reversed(ending):
            await asyncio.to_thread(end)
        await cluster.delete(NAMESPACE, namespace)
        await cluster.close()
        postgresql.stop()


def _users(env: Object, app: App, folder: Path) -> Child:
    command = [build_program(LOAD, "load"), "--url", env["gateway_url"], "--host", app.host, "--rate", RATE]
    load = Child.started("load", [*map(str, command), "--out", str(folder / "users.jsonl")], folder / "load.log")
    load.wait_until(lambda: sum(one.status == 200 for one in app.users.read()) > RATE, 30, "served")
    return load
