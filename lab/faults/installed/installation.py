"""One real installation of sluice, part by part, with proxies before the API server and before Prometheus."""

from __future__ import annotations

import asyncio
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import yaml

from lab.api.access import Access
from lab.errors import LabError
from lab.faults.proxies.proxy import Proxy, Sentry
from lab.faults.proxies.weather import Weather
from lab.paths import CHECKOUT
from lab.ports import HOST
from lab.processes import keeper
from lab.processes.child import Child

WORKERS = ("a", "b")
SHIM = Path(__file__).parents[1] / "shim"
UP_WITHIN_S = 90.0
APPLY_WITHIN_S = 90
LOOK_S = 0.2
READY = {"a": "work ", "b": "work ", "watcher": "watch ", "receiver": "receive "}
"""Part → the word with which it says that it works."""


class Installation:
    """Prefect server, two workers, watcher and receiver, each a process of its own."""

    def __init__(
        self,
        env: dict[str, Any],
        home: Path,
        namespaces: tuple[str, ...],
        seed: str,
        sentry: Sentry,
        checkout: Path = CHECKOUT,
    ) -> None:
        self.env, self.home, self.namespaces, self.checkout = env, home, namespaces, checkout
        self.api_weather, self.metrics_weather = Weather(f"{seed}/api"), Weather(f"{seed}/metrics")
        self.prefect_port, self.receiver_port = _free_port(), _free_port()
        self.registry_token = secrets.token_hex(8)
        access = Access.of(Path(env["kubeconfig"]))
        tls = access.tls()
        self.proxies = {
            name: Proxy(name, access.server, tls, self.api_weather, sentry) for name in (*WORKERS, "watcher")
        }
        self.metrics = Proxy("metrics", env["prometheus_url"], None, self.metrics_weather)
        self.parts: dict[str, Child] = {}

    @property
    def api(self) -> str:
        return f"http://{HOST}:{self.prefect_port}/api"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All of it, for the duration of the block."""
        async with AsyncExitStack() as stack:
            for proxy in (*self.proxies.values(), self.metrics):
                await stack.enter_async_context(proxy.serving())
            self.home.mkdir(parents=True, exist_ok=True)
            self._make_parts()
            stack.callback(self._stop)
            self.start("server")
            await self.ready("server")
            await asyncio.to_thread(self._register)
            for name in (*WORKERS, "watcher", "receiver"):
                self.start(name)
            for name in READY:
                await self.ready(name)
            yield

    def start(self, name: str) -> None:
        """Start a part, for the first time or again."""
        self.parts[name].start()
        if name in self.proxies:
            self.proxies[name].life = self.parts[name].life

    def clock_file(self, worker: str) -> Path:
        """The file whose number of seconds a worker's clock is wrong by."""
        return self.home / f"clock-{worker}"

    async def ready(self, name: str) -> None:
        """Return when a part that was started works."""
        if name == "server":
            await self._until(self._server_answers, "the Prefect server")
        else:
            await self._until(lambda: self.parts[name].says(READY[name]), name)

    def _make_parts(self) -> None:
        settings = {
            "HOME": str(self.home),
            "NAMESPACES": ",".join(self.namespaces),
            "PREFECT_API_URL": self.api,
            "RECEIVER_PORT": str(self.receiver_port),
            "REGISTRY_TOKEN": self.registry_token,
            "METRICS_URL": f"http://{HOST}:{self.metrics.port}",
        }
        base = {f"SLUICE_{name}": value for name, value in settings.items()} | {"PYTHONUNBUFFERED": "1"}
        cli = [sys.executable, "-m", "deployments.cli"]
        server = [
            sys.executable,
            "-m",
            "lab.faults.installed.prefect_server",
            str(self.home),
            HOST,
            str(self.prefect_port),
        ]
        self.parts["server"] = self._part("server", server, {"PYTHONUNBUFFERED": "1"})
        for name in (*WORKERS, "watcher"):
            env = base | {"SLUICE_KUBECONFIG": str(self._kubeconfig(name))}
            if name in WORKERS:
                env |= {"SLUICE_WORKER_NAME": name, "LAB_CLOCK": str(self.clock_file(name)), "PYTHONPATH": str(SHIM)}
            command = [*cli, "worker" if name in WORKERS else name]
            self.parts[name] = self._part(name, command, env)
        self.parts["receiver"] = self._part("receiver", [*cli, "receiver"], base)

    def _part(self, name: str, command: list[str], env: dict[str, str]) -> Child:
        # the Prefect server ends when this end of its input does
        log = self.home / f"{name}.log"
        return Child(
            name, command, log, {**env, **keeper.mark(self.checkout)}, stdin=subprocess.PIPE, folder=self.checkout
        )

    def _kubeconfig(self, name: str) -> Path:
        """A kubeconfig with which a client reaches the API server through its own proxy, which proves who it is."""
        file = self.home / f"{name}.kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": {"server": f"http://{HOST}:{self.proxies[name].port}"}}],
            "users": [{"name": "lab", "user": {}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
            "current-context": "lab",
        }
        file.write_text(yaml.safe_dump(document))
        return file

    def kinds(self) -> list[dict[str, Any]]:
        """The custom resource definitions of the sluice that is tested."""
        return list(yaml.safe_load_all(self._cli("crds", {})))

    def _register(self) -> None:
        self._cli("register", {**self.parts["receiver"].environment})

    def _cli(self, command: str, env: dict[str, str]) -> str:
        whole = [sys.executable, "-m", "deployments.cli", command]
        done = subprocess.run(
            whole, env=env, cwd=self.checkout, capture_output=True, text=True, timeout=APPLY_WITHIN_S, check=False
        )
        if done.returncode != 0:
            raise LabError(f"`sluice {command}` failed: {(done.stdout + done.stderr).strip()[-600:]}")
        return done.stdout

    def _server_answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.api}/health", timeout=2, trust_env=False).status_code == 200
        return False

    async def _until(self, holds: Any, what: str) -> None:
        try:
            async with asyncio.timeout(UP_WITHIN_S):
                while not await asyncio.to_thread(holds):
                    await asyncio.sleep(LOOK_S)
        except TimeoutError as error:
            raise LabError(f"{what} does not work after {UP_WITHIN_S:.0f} s: look into {self.home}") from error

    def _stop(self) -> None:
        others = [part for name, part in self.parts.items() if name != "server"]
        for part in others:
            part.ask_to_end()
        for part in (*others, self.parts["server"]):
            part.stop()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])
