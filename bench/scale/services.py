"""Starts what the rollouts need besides the lab: fake nodes, the users' requests as series, a Prometheus, databases."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx
import yaml

from bench.scale.load import Load
from bench.scale.manifests import LABELS, OWNER, Object
from lab import paths, ports
from lab.api.access import Access
from lab.api.client import Api, all_of
from lab.errors import LabError
from lab.parts import databases, fake_nodes
from lab.parts.daemons import found
from lab.paths import LabPaths
from lab.processes import keeper
from lab.processes.child import Child
from lab.programs import gobuild

READY_WITHIN_S = 30
SCRAPE_S = 2
CONTOUR_GATEWAY = ("projectcontour", "lab")
GATEWAY_CLASS = "bench-scale"
SOURCE_URL = f"http://{ports.HOST}:{ports.METRICS_SOURCE}"
PROMETHEUS_URL = f"http://{ports.HOST}:{ports.BENCH_PROMETHEUS}"


class Services:
    """All of it; what was started is left with `ending`."""

    def __init__(self, places: LabPaths, home: Path, ending: contextlib.ExitStack) -> None:
        self._places = places
        self._home = home
        self._ending = ending
        self.mark = keeper.mark(places.checkout)
        self.pids: dict[str, list[int]] = {}
        self._children: list[Child] = []

    def child(
        self,
        name: str,
        command: list[str],
        settings: Mapping[str, str] | None = None,
        *,
        stdin: int = subprocess.DEVNULL,
        folder: Path | None = None,
    ) -> Child:
        """Start one program that ends with the bench; `lab down` finds it even where the bench was killed."""
        log = self._places.logs / f"bench-{name}.log"
        child = Child.started(name, command, log, {**(settings or {}), **self.mark}, stdin=stdin, folder=folder)
        self._ending.callback(child.stop)
        self._children.append(child)
        self.pids[name] = [child.pid]
        return child

    def end(self, name: str) -> None:
        """End one of them before the others."""
        self.pids.pop(name)
        child = next(one for one in self._children if one.name == name)
        self._children.remove(child)
        child.stop()

    def check(self) -> None:
        """Raise where one of them has ended by itself."""
        for child in self._children:
            if not child.running:
                raise LabError(f"{child.name} ended in the middle of the bench: look at {child.log}")

    def start_nodes(self) -> None:
        """The program that plays the kubelets of the fake nodes."""
        self.child("kwok", fake_nodes.command(fake_nodes.program(), self._places.kubeconfig, OWNER))

    def start_traffic(self, load: Load, prefix: str, gateway: tuple[str, str]) -> None:
        """The users' requests, and the Prometheus that scrapes them."""
        access = Access.of(self._places.kubeconfig)
        program = gobuild.build_program(paths.SOURCES / "metrics_source", "metrics-source")
        command = [
            str(program),
            f"--listen={ports.HOST}:{ports.METRICS_SOURCE}",
            f"--rate={load.rate:g}",
            f"--seed={load.seed}",
            f"--namespaces={prefix}",
            f"--server={access.server}",
            f"--certificate-authority={access.authority}",
            f"--client-certificate={access.certificate}",
            f"--client-key={access.key}",
        ]
        if load.routes == "accept":
            command.append(f"--accept={'/'.join(gateway)}")
        source = self.child("metrics-source", command)
        source.wait_until(lambda: _answers(f"{SOURCE_URL}/stats/prometheus"), READY_WITHIN_S, "serving")
        self._start_prometheus()

    def _start_prometheus(self) -> None:
        config, data = self._home / "prometheus.yaml", self._home / "prometheus"
        shutil.rmtree(data, ignore_errors=True)
        scrape = {
            "job_name": "envoy",
            "metrics_path": "/stats/prometheus",
            "static_configs": [{"targets": [SOURCE_URL.removeprefix("http://")]}],
        }
        every = {"scrape_interval": f"{SCRAPE_S}s", "scrape_timeout": f"{SCRAPE_S}s"}
        config.write_text(yaml.safe_dump({"global": every, "scrape_configs": [scrape]}))
        command = [
            found("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=2h",
            f"--web.listen-address={PROMETHEUS_URL.removeprefix('http://')}",
            "--log.level=warn",
        ]
        prometheus = self.child("prometheus", command)
        prometheus.wait_until(lambda: _answers(f"{PROMETHEUS_URL}/-/ready"), READY_WITHIN_S, "ready")

    def start_databases(self) -> None:
        """PostgreSQL and Redis, new and empty."""
        databases.install()
        for start in (databases.start_postgresql, databases.start_redis):
            database = start(self._places)
            self._ending.callback(database.stop)
            self.pids[database.name] = [database.process.pid]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def fail(shares: dict[str, float]) -> None:
    """Say which canaries' requests fail from now on, and how many of them."""
    httpx.put(f"{SOURCE_URL}/errors", json=shares, timeout=10, trust_env=False).raise_for_status()


def queries() -> float:
    """How many queries this Prometheus has answered."""
    text = httpx.get(f"{PROMETHEUS_URL}/metrics", timeout=10, trust_env=False).text
    lines = [line for line in text.splitlines() if line.startswith("prometheus_http_requests_total")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if 'handler="/api/v1/query' in line)


async def make_nodes(api: Api, pods: int) -> None:
    """As many fake nodes as that many pods need."""
    count = -(-pods // fake_nodes.PODS_PER_NODE)
    nodes = [fake_nodes.node(f"{OWNER}-{index:03d}", OWNER) for index in range(count)]
    await all_of([partial(api.create, one) for one in nodes])


def gateway(namespace: str) -> list[Object]:
    """A Gateway of no controller: the bench itself accepts its routes."""
    version = "gateway.networking.k8s.io/v1"
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"namespaces": {"from": "All"}}}
    return [
        {
            "apiVersion": version,
            "kind": "GatewayClass",
            "metadata": {"name": GATEWAY_CLASS, "labels": LABELS},
            "spec": {"controllerName": "sluice.dev/bench-acceptor"},
        },
        {
            "apiVersion": version,
            "kind": "Gateway",
            "metadata": {"name": "bench", "namespace": namespace},
            "spec": {"gatewayClassName": GATEWAY_CLASS, "listeners": [listener]},
        },
    ]
