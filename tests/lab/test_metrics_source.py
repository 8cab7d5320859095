"""The played data plane: its series are those that sluice reads from Contour's Envoy, by the routes' real weights."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from lab import paths
from lab.api.access import Access
from lab.programs import gobuild

pytestmark = pytest.mark.lab
WITHIN_S = 20
Object = dict[str, Any]


def http_route(namespace: str, weight: int) -> Object:
    backends = [
        {"name": f"shop-{half}", "port": 80, "weight": share}
        for half, share in (("primary", 100 - weight), ("canary", weight))
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": "nobodys", "namespace": namespace}],
            "rules": [{"backendRefs": backends}],
        },
    }


@contextmanager
def source(lab_env: Object, port: int, *options: str) -> Iterator[str]:
    access = Access.of(Path(lab_env["kubeconfig"]))
    program = gobuild.build_program(paths.SOURCES / "metrics_source", "metrics-source")
    command = [
        str(program),
        f"--listen=127.0.0.1:{port}",
        f"--server={access.server}",
        f"--certificate-authority={access.authority}",
        f"--client-certificate={access.certificate}",
        f"--client-key={access.key}",
        *options,
    ]
    with subprocess.Popen(command) as child:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            child.terminate()


class Cluster:
    """The one namespace of a test."""

    def __init__(self, lab_env: Object, name: str) -> None:
        self.name = name
        self._program = Path(lab_env["bin"]) / "kubectl"
        self._environment = {**os.environ, "KUBECONFIG": lab_env["kubeconfig"]}

    def kubectl(self, *arguments: str, given: Object | None = None) -> str:
        done = subprocess.run(
            [self._program, *arguments],
            env=self._environment,
            input=json.dumps(given) if given else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def set_route(self, weight: int) -> None:
        self.kubectl("apply", "-f", "-", given=http_route(self.name, weight))

    def route(self) -> Object:
        return dict(json.loads(self.kubectl("get", "httproute", "shop", "-n", self.name, "-o", "json")))


@pytest.fixture
def cluster(lab_env: Object) -> Iterator[Cluster]:
    found = Cluster(lab_env, f"source-{uuid4().hex[:8]}")
    found.kubectl("create", "namespace", found.name)
    yield found
    found.kubectl("delete", "namespace", found.name)


def read(url: str) -> dict[str, float]:
    """Series → value, of those that sluice reads."""
    try:
        text = httpx.get(f"{url}/stats/prometheus", trust_env=False).text
    except httpx.HTTPError:
        return {}
    lines = [line for line in text.splitlines() if line.startswith("envoy_cluster_upstream_rq_")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def requests(series: dict[str, float], cluster: str, answer: str = "2") -> float:
    labels = f'envoy_response_code_class="{answer}",envoy_cluster_name="{cluster}"'
    return series.get(f"envoy_cluster_upstream_rq_xx{{{labels}}}", 0)


def until(holds: Any) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_requests_are_split_by_the_weights_of_the_route(cluster: Cluster, lab_env: Object) -> None:
    name = cluster.name
    cluster.set_route(20)
    primary, canary = f"{name}_shop-primary_80", f"{name}_shop-canary_80"
    with source(lab_env, 19391, f"--namespaces={name}", "--rate=2000") as url:
        until(lambda: requests(read(url), primary) > 4000)
        series = read(url)

    share = requests(series, canary) / (requests(series, canary) + requests(series, primary))
    assert 0.17 < share < 0.23
    assert requests(series, canary, "5") == 0


def test_a_canary_that_was_said_to_fail_fails_and_the_primary_does_not(cluster: Cluster, lab_env: Object) -> None:
    name = cluster.name
    cluster.set_route(50)
    primary, canary = f"{name}_shop-primary_80", f"{name}_shop-canary_80"
    with source(lab_env, 19392, f"--namespaces={name}", "--rate=1000") as url:
        until(lambda: requests(read(url), canary) > 10)
        httpx.put(f"{url}/errors", json={f"{name}_shop": 0.5}, trust_env=False).raise_for_status()
        until(lambda: requests(read(url), canary, "5") > 100)
        assert requests(read(url), primary, "5") == 0


def test_the_series_have_the_labels_and_bounds_of_the_labs_own_envoy(cluster: Cluster, lab_env: Object) -> None:
    name = cluster.name
    cluster.set_route(50)

    def shapes(series: dict[str, float]) -> set[str]:
        kept = [re.sub(r'(envoy_cluster_name|envoy_response_code_class)="[^"]*"', r"\1", one) for one in series]
        return {one for one in kept if "_rq_xx{" in one or "_rq_time_bucket{" in one}

    with source(lab_env, 19393, f"--namespaces={name}", "--rate=1000") as url:
        until(lambda: requests(read(url), f"{name}_shop-canary_80") > 0)
        played = shapes(read(url))
    envoy = httpx.get("http://127.0.0.1:18004/stats/prometheus", trust_env=False).text
    real = shapes({line.rpartition(" ")[0]: 0 for line in envoy.splitlines() if line.startswith("envoy_cluster_up")})
    assert played == real


def test_routes_of_its_own_gateway_are_accepted_at_every_generation(cluster: Cluster, lab_env: Object) -> None:
    name = cluster.name

    def accepted() -> bool:
        route = cluster.route()
        told = [one for parent in route.get("status", {}).get("parents", []) for one in parent["conditions"]]
        return any(one["observedGeneration"] == route["metadata"]["generation"] for one in told)

    with source(lab_env, 19394, f"--namespaces={name}", f"--accept={name}/nobodys"):
        for weight in (0, 30):
            cluster.set_route(weight)
            until(accepted)
