"""The running lab is what it promises to be: real parts that work together."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.machine import network
from lab.parts import git, oci
from lab.paths import CHECKOUT, LabPaths
from lab.programs.gobuild import build_program

pytestmark = pytest.mark.lab

SHOP = CHECKOUT / "lab" / "apps" / "shop"
TIMEOUT_S = 60


def eventually(holds: Callable[[], bool], timeout_s: float = 20) -> None:
    """Wait for what takes a moment."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen within {timeout_s} s"
        time.sleep(0.1)


class Kubectl:
    """kubectl, as a user of the lab runs it, in one namespace."""

    def __init__(self, env: dict[str, Any], namespace: str) -> None:
        self._base = [f"{env['bin']}/kubectl", "--kubeconfig", env["kubeconfig"], "--namespace", namespace]

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [*self._base, *arguments], input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def kubectl(lab_env: dict[str, Any]) -> Iterator[Kubectl]:
    """A namespace with the sample application in two pods, behind a Service and a route."""
    name = f"lab-test-{uuid.uuid4().hex[:6]}"
    run = Kubectl(lab_env, name)
    run("create", "namespace", name)
    program = build_program(SHOP, "shop")
    oci.push_image(lab_env["registry"], "lab-test/shop", "1", {"/shop": program}, ["/shop"], {})
    run("create", "deployment", "shop", f"--image={lab_env['registry']}/lab-test/shop:1", "--replicas=2")
    run("expose", "deployment", "shop", "--port=80", "--target-port=9898")
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop"},
        "spec": {
            "parentRefs": [lab_env["gateway"]],
            "hostnames": [f"{name}.test"],
            "rules": [{"backendRefs": [{"name": "shop", "port": 80}]}],
        },
    }
    run("apply", "-f", "-", stdin=json.dumps(route))
    run("rollout", "status", "deployment/shop", "--timeout=30s")
    yield run
    run("delete", "namespace", name, "--wait=false")


def test_the_node_is_ready(lab_env: dict[str, Any]) -> None:
    """The kubelet, containerd and the network plugin work together, in the version that we say."""
    nodes = json.loads(Kubectl(lab_env, "default")("get", "nodes", "-o", "json"))["items"]
    assert [node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes] == ["v1.34.4"]
    conditions = {each["type"]: each["status"] for each in nodes[0]["status"]["conditions"]}
    assert conditions["Ready"] == "True"


def test_the_gateway_serves_the_application(kubectl: Kubectl, lab_env: dict[str, Any]) -> None:
    """A request with the route's host name reaches a pod; any other host is nobody's."""
    host = json.loads(kubectl("get", "httproute", "shop", "-o", "json"))["spec"]["hostnames"][0]
    url = lab_env["gateway_url"]
    eventually(lambda: httpx.get(url, headers={"Host": host}, timeout=5).status_code == 200)
    assert httpx.get(url, headers={"Host": "nobody.test"}, timeout=5).status_code == 404


def test_prometheus_has_the_requests_within_seconds(kubectl: Kubectl, lab_env: dict[str, Any]) -> None:
    """What users get is counted per Service, where analyses look for it."""
    route = json.loads(kubectl("get", "httproute", "shop", "-o", "json"))
    host, namespace = route["spec"]["hostnames"][0], route["metadata"]["namespace"]
    query = f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name="{namespace}_shop_80"}}'

    def counted() -> bool:
        httpx.get(lab_env["gateway_url"], headers={"Host": host}, timeout=5)
        url = f"{lab_env['prometheus_url']}/api/v1/query"
        return bool(httpx.get(url, params={"query": query}, timeout=5).json()["data"]["result"])

    eventually(counted, timeout_s=10)


def test_a_service_address_works_from_the_machine(kubectl: Kubectl) -> None:
    """kube-proxy's rules lead from a Service to its pods."""
    address = kubectl("get", "service", "shop", "-o", "jsonpath={.spec.clusterIP}")
    eventually(lambda: httpx.get(f"http://{address}/", timeout=5).status_code == 200)


def test_logs_come_through_the_apiserver(kubectl: Kubectl) -> None:
    """`kubectl logs` works: the apiserver reaches the kubelet, and trusts it."""
    assert "9898" in kubectl("logs", "deployment/shop")


def test_pods_have_no_way_outside(kubectl: Kubectl) -> None:
    """A pod's routes lead to pods and Services only; there is no default route."""
    pod = json.loads(kubectl("get", "pods", "-o", "json"))["items"][0]
    identity = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    (pid_file,) = LabPaths().containerd_state.glob(f"io.containerd.runtime.v2.task/k8s.io/{identity}/init.pid")
    pid = pid_file.read_text().strip()
    routes = network.run("nsenter", "--target", pid, "--net", "ip", "route")
    assert "198.18.0.0/15" in routes
    assert "default" not in routes


class Listener(BaseHTTPRequestHandler):
    """Stands where sluice's receiver will, and keeps what arrives."""

    arrived: list[tuple[str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.arrived.append((self.headers["Authorization"], json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""


def test_a_push_is_notified_even_when_the_receiver_comes_later(lab_env: dict[str, Any], tmp_path: Path) -> None:
    """The registry keeps a notification until somebody takes it, and authenticates itself."""
    program = tmp_path / "program"
    program.write_text(uuid.uuid4().hex)
    digest = oci.push_image(lab_env["registry"], "lab-test/notified", "1", {"/program": program}, ["/program"], {})
    Listener.arrived = []
    try:
        server = HTTPServer(("127.0.0.1", lab_env["receiver_port"]), Listener)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            pytest.skip("a receiver runs on this machine and gets the notifications")
        raise
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def notified() -> bool:
        events = [event for _, envelope in Listener.arrived for event in envelope["events"]]
        return any(each["action"] == "push" and each["target"]["digest"] == digest for each in events)

    try:
        eventually(notified)
    finally:
        server.shutdown()
        server.server_close()
    assert {authorization for authorization, _ in Listener.arrived} == {f"Bearer {lab_env['registry_token']}"}


def test_a_git_push_is_kept_and_told_to_github(lab_env: dict[str, Any], tmp_path: Path) -> None:
    """The git server takes pushes over http, and the GitHub stand-in hears of each."""
    name = f"lab-test-{uuid.uuid4().hex[:6]}"
    url = git.create_repository(LabPaths(), f"acme/{name}")

    def run(*arguments: str) -> str:
        author = ["-c", "user.name=t", "-c", "user.email=t@example.test"]
        command = ["git", *author, "-C", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout

    def deliveries() -> set[str]:
        journal = httpx.get(f"{lab_env['github_url']}/-/deliveries", timeout=5).json()
        return {each["delivery"] for each in journal if each["event"] == "push"}

    before = deliveries()
    run("init", "--quiet", "--initial-branch=main")
    run("commit", "--quiet", "--allow-empty", "--message", "first")
    run("push", "--quiet", url, "main")
    head = run("rev-parse", "HEAD").strip()
    assert run("ls-remote", url, "refs/heads/main").split()[0] == head
    eventually(lambda: bool(deliveries() - before))


def test_a_second_up_says_that_it_runs(lab_env: dict[str, Any]) -> None:
    """Running `make lab` twice is harmless."""
    command = [sys.executable, "-m", "lab", "up"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0
    assert "already running" in done.stdout
