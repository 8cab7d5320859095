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
from deployments.server.embedded import environment
from lab import ports
from lab.errors import LabError
from lab.parts import databases
from lab.processes.child import Child

READY_WITHIN_S = 120
API_URL = f"http://{ports.HOST}:{ports.BENCH_PREFECT}/api"
CLI, SERVER = "deployments.cli", "deployments.server.process"
SAMPLER = str(Path(__file__).with_name("sampler.py"))


class Product:
    """sluice's processes; they end with `services`."""

    def __init__(self, services: Services, home: Path, source: Path, kubeconfig: Path, *, profile: bool) -> None:
        self._services = services
        self._profile = profile
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
        back_ends = (databases.POSTGRESQL_URL, databases.REDIS_URL) if backend == "postgres" else (None, None)
        settings = environment(self._home, ports.HOST, ports.BENCH_PREFECT, *back_ends)
        arguments = ["--host", ports.HOST, "--port", str(ports.BENCH_PREFECT)]
        child = self._start("prefect-server", SERVER, arguments, settings, stdin=subprocess.PIPE)
        child.wait_until(_healthy, READY_WITHIN_S, "serving")
        done = subprocess.run(
            [sys.executable, "-m", CLI, "register"],
            env={**os.environ, **self._environment},
            cwd=self._source,
            capture_output=True,
            text=True,
            timeout=READY_WITHIN_S,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"`sluice register` failed: {done.stderr[-600:]}{done.stdout[-600:]}")

    def start_workers(self, count: int, namespaces: list[str]) -> None:
        """The watcher and as many workers, for these namespaces."""
        scope = {"SLUICE_NAMESPACES": ",".join(namespaces)}
        for index in range(count):
            name = {"SLUICE_WORKER_NAME": f"bench-{index}"}
            self._ready(self._start(f"worker-{index}", CLI, ["worker"], scope | name))
        self._ready(self._start("sluice-watcher", CLI, ["watcher"], scope))

    def stop_workers(self) -> None:
        """End the watcher and the workers, in order."""
        for name in [name for name in self.children if name != "prefect-server"]:
            self.children.pop(name)
            self._services.end(name)

    def sample(self) -> None:
        """Let the profilers write what they have and begin anew."""
        for child in self.children.values() if self._profile else ():
            os.kill(child.pid, signal.SIGUSR1)

    def logged(self, what: str) -> int:
        """How often the server's log says that."""
        return self.children["prefect-server"].log.read_text(errors="replace").count(what)

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return [child.pid for name, child in self.children.items() if name.startswith("worker-")]

    def _start(
        self,
        name: str,
        module: str,
        arguments: list[str],
        settings: dict[str, str],
        *,
        stdin: int = subprocess.DEVNULL,
    ) -> Child:
        run = ["-P", SAMPLER, module] if self._profile else ["-m", module]
        profile = {"BENCH_PROFILE": str(self._home / f"profile-{name}.json")} if self._profile else {}
        child = self._services.child(
            name,
            [sys.executable, *run, *arguments],
            self._environment | settings | profile,
            stdin=stdin,
            folder=self._source,
        )
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
