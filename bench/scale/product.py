"""Runs sluice as a larger installation does: Prefect's server, the watcher and the workers, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from bench.scale.services import PROMETHEUS_URL, Services
from deployments.server import environment
from lab import databases, ports
from lab.demo.children import Child
from lab.errors import LabError

READY_WITHIN_S = 120
API_URL = f"http://{ports.HOST}:{ports.BENCH_PREFECT}/api"
SLUICE = [sys.executable, "-m", "deployments.cli"]
PROFILED = [sys.executable, "-P", str(Path(__file__).with_name("sampler.py"))]


def on_postgresql() -> dict[str, str]:
    """Prefect's settings for the back ends of more than one machine."""
    host, port = {"HOST": ports.HOST}, str(ports.REDIS)
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": databases.POSTGRESQL_URL,
        "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_HOST": host["HOST"],
        "PREFECT_REDIS_MESSAGING_PORT": port,
        "PREFECT_REDIS_MESSAGING_DB": "0",
        "PREFECT_SERVER_DOCKET_URL": databases.REDIS_URL,
    }


class Product:
    """sluice's processes; they end with `services`."""

    def __init__(self, services: Services, home: Path, source: Path, kubeconfig: Path) -> None:
        self._services = services
        self._home = home
        self._source = source
        self._environment = {
            "PYTHONPATH": str(source),
            "SLUICE_HOME": str(home),
            "SLUICE_PREFECT_API_URL": API_URL,
            "SLUICE_KUBECONFIG": str(kubeconfig),
            "SLUICE_METRICS_URL": PROMETHEUS_URL,
            "SLUICE_WORKER_CAPACITY": "2000",
        }
        self.children: dict[str, Child] = {}

    def start_server(self, backend: str) -> None:
        """Prefect's server, and sluice's deployments and automations in it."""
        shutil.rmtree(self._home, ignore_errors=True)
        (self._home / "prefect").mkdir(parents=True)
        settings = environment(self._home, ports.HOST, ports.BENCH_PREFECT)
        settings |= on_postgresql() if backend == "postgres" else {}
        command = [sys.executable, "-m", "deployments.server_process"]
        command += ["--host", ports.HOST, "--port", str(ports.BENCH_PREFECT)]
        child = self._start("prefect-server", command, settings, stdin=subprocess.PIPE)
        child.wait_until(_healthy, READY_WITHIN_S, "serving")
        done = subprocess.run(
            [*SLUICE, "apply"],
            env={**os.environ, **self._environment},
            cwd=self._source,
            capture_output=True,
            text=True,
            timeout=READY_WITHIN_S,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"`sluice apply` failed: {done.stderr[-600:]}{done.stdout[-600:]}")

    def start_workers(self, count: int, namespaces: list[str], *, profile: bool) -> None:
        """The watcher and as many workers, for these namespaces."""
        told = {"SLUICE_NAMESPACES": ",".join(namespaces)}
        for index in range(count):
            name = f"bench-{index}"
            command = [*(PROFILED if profile else SLUICE), "worker"]
            profile_to = {"BENCH_PROFILE": str(self._home / f"profile-{index}.json")} if profile else {}
            self._ready(self._start(f"worker-{index}", command, told | profile_to | {"SLUICE_WORKER_NAME": name}))
        self._ready(self._start("sluice-watcher", [*SLUICE, "watcher"], told))

    def stop_workers(self) -> None:
        """End the watcher and the workers, in order."""
        for name in [name for name in self.children if name != "prefect-server"]:
            self.children.pop(name)
            self._services.end(name)

    def sample(self) -> None:
        """Let the profilers write what they have and begin anew."""
        for pid in self.workers:
            os.kill(pid, signal.SIGUSR1)

    def logged(self, what: str) -> int:
        """How often the server's log says that."""
        return self.children["prefect-server"].log.read_text(errors="replace").count(what)

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return [child.pid for name, child in self.children.items() if name.startswith("worker-")]

    def _start(
        self, name: str, command: list[str], settings: dict[str, str], *, stdin: int = subprocess.DEVNULL
    ) -> Child:
        child = self._services.child(name, command, self._environment | settings, stdin=stdin, folder=self._source)
        self.children[name] = child
        return child

    def _ready(self, child: Child) -> None:
        """Wait for the line that a part prints once it works."""
        child.wait_until(lambda: "→" in _text(child) or "pool" in _text(child), READY_WITHIN_S, "at work")


def _text(child: Child) -> str:
    return child.log.read_text(errors="replace")


def _healthy() -> bool:
    try:
        return httpx.get(f"{API_URL}/health", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def run_states() -> dict[str, int]:
    """How many runs of roll_out are in which state."""
    found = {}
    with httpx.Client(trust_env=False, timeout=30) as http:
        for state in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED", "RUNNING", "PENDING", "SCHEDULED"):
            asked = {
                "flows": {"name": {"any_": ["roll_out"]}},
                "flow_runs": {"state": {"type": {"any_": [state]}}},
            }
            if count := int(http.post(f"{API_URL}/flow_runs/count", json=asked).json()):
                found[state.lower()] = count
    return found
