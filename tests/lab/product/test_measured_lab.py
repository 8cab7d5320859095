"""The demo's eyes on the real lab: what users get and where the route points is what gets measured."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from lab import environment
from lab.apps.variants import push_variant
from lab.load import LOAD
from lab.load.summary import RequestLog
from lab.paths import LabPaths
from lab.processes.child import Child
from lab.product.cluster import ProductCluster
from lab.product.measure import PhasePoint, Seen, numbers
from lab.product.watch import Observer
from lab.programs.gobuild import build_program

pytestmark = pytest.mark.lab
NAMESPACE, HOST, OLD, NEW = "demo-eyes", "eyes.test", "0.0.1", "0.0.2"

WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: demo-eyes}
spec:
  replicas: 1
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
        - name: shop
          image: REGISTRY/shop:TAG
          readinessProbe: {httpGet: {path: /ready, port: 9898}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: demo-eyes}
spec: {selector: {app: NAME}, ports: [{port: 80, targetPort: 9898}]}
"""

ROUTE = """
apiVersion: v1
kind: Namespace
metadata: {name: demo-eyes}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: demo-eyes}
spec:
  parentRefs: [{name: GATEWAY_NAME, namespace: GATEWAY_NAMESPACE}]
  hostnames: [eyes.test]
  rules:
    - backendRefs:
        - {name: shop-primary, port: 80, weight: 100}
        - {name: shop-canary, port: 80, weight: 0}
"""


@pytest.fixture
def env() -> dict[str, Any]:
    found = environment.read(LabPaths())
    assert found, "the lab is not up: run `make lab`"
    return found


@pytest.fixture
def cluster(env: dict[str, Any], tmp_path: Path) -> Iterator[ProductCluster]:
    """Two versions behind one route: the old one has all traffic, the new one fails every request."""
    for tag, variant in ((OLD, "good"), (NEW, "fail:100")):
        push_variant(env["registry"], "shop", tag, variant)
    (tmp_path / "route.yaml").write_text(ROUTE)
    for name, tag in (("shop-primary", OLD), ("shop-canary", NEW)):
        (tmp_path / f"{name}.yaml").write_text(WORKLOAD.replace("NAME", name).replace("TAG", tag))
    connected = ProductCluster(Path(env["kubeconfig"]), env["context"], NAMESPACE)
    gateway = env["gateway"]
    values = {"GATEWAY_NAMESPACE": gateway["namespace"], "GATEWAY_NAME": gateway["name"], "REGISTRY": env["registry"]}
    connected.apply(tmp_path, values)
    yield connected
    connected.remove_namespace(60)


@pytest.fixture
def shift(env: dict[str, Any]) -> Callable[[int, int], None]:
    api = client.CustomObjectsApi(config.new_client_from_config(env["kubeconfig"], context=env["context"]))

    def to(primary: int, canary: int) -> None:
        pairs = (("shop-primary", primary), ("shop-canary", canary))
        backends = [{"name": name, "port": 80, "weight": weight} for name, weight in pairs]
        where = ("gateway.networking.k8s.io", "v1", NAMESPACE, "httproutes", "shop")
        api.patch_namespaced_custom_object(
            *where, {"spec": {"rules": [{"backendRefs": backends}]}}, _request_timeout=10
        )

    return to


def test_a_bad_version_in_front_of_users_is_measured(
    env: dict[str, Any], cluster: ProductCluster, shift: Callable[[int, int], None], tmp_path: Path
) -> None:
    """Half of the traffic on a version that always fails: its answers, failures and time are what users had."""
    observer = Observer(Path(env["kubeconfig"]), env["context"], NAMESPACE, "shop")
    eventually(lambda: {p.image.rpartition(":")[2] for p in observer.ready} == {OLD, NEW}, "the pods are not ready")
    out = tmp_path / "users.jsonl"
    command = [build_program(LOAD, "load"), "--url", env["gateway_url"], "--host", HOST, "--rate", "50", "--out", out]
    load, users = Child.started("load", [str(part) for part in command], tmp_path / "load.log"), RequestLog(out)
    try:
        eventually(lambda: any(one.version == OLD for one in users.read()), "users are not served")
        pushed = time.time()
        shift(50, 50)
        eventually(lambda: sum(one.version == NEW for one in users.read()) > 20, "the new version got no traffic")
        shift(100, 0)
        eventually(lambda: observer.route[-1].canary == 0, "the route's way home was not seen")
        home = observer.route[-1].t
        eventually(lambda: users.read()[-1].t > home + 6, "the load generator stopped")
    finally:
        load.stop()
        observer.stop()

    seen = Seen(NEW, pushed, users.read(), observer.route, [PhasePoint(home, "Failed")])
    measured = numbers(seen, step_s=10)
    of_it = [one for one in users.read() if one.version == NEW]
    assert [(point.primary, point.canary) for point in observer.route] == [(100, 0), (50, 50), (100, 0)]
    assert measured.verdict == "rolled_back"
    assert measured.failed_requests == len(of_it) == sum(one.status == 500 for one in of_it)
    assert measured.push_to_first_traffic_s is not None
    assert 0 < measured.bad_traffic_s < measured.push_to_end_s - measured.push_to_first_traffic_s + 0.5


def eventually(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.1)
