"""Starts sluice as pods in the lab's cluster, from the manifests that its users apply, with the rights that these give.

Three things differ from a cluster of theirs: there is no DNS, so pods know the server by a host alias; the lab listens on
the loopback address of this machine, so each pod has a sidecar that leads there; and there are no volumes to be had.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from lab import ports
from lab.errors import LabError
from lab.image import build
from lab.machine import network
from lab.parts import oci
from lab.paths import CHECKOUT, SOURCES, LabPaths
from lab.processes import keeper
from lab.processes.child import Child
from lab.product.cluster import ProductCluster
from lab.product.overlay import EVERYWHERE, NAMESPACE, RECEIVER, SERVER, SERVICES, Object, Shape, rendered
from lab.programs.gobuild import build_program
from lab.programs.modules import cosign, helm
from lab.progress import say

PARTS = ("server", "worker", "receiver", "watcher")
READY_WITHIN_S = 240
GONE_WITHIN_S = 60
DOORS_WITHIN_S = 10
LOGIN = "admin:lab"


class Running(Protocol):
    """sluice as it runs here: next to the cluster, or in it."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    @property
    def running(self) -> bool: ...
    def stop(self) -> None:
        """End it."""


class Pods:
    """sluice's pods, and the doors that lead to them and from them."""

    name = "sluice in the cluster"

    def __init__(self, env: Mapping[str, Any], places: LabPaths, shape: Shape = EVERYWHERE) -> None:
        self._env = env
        self._places = places
        self._shape = shape
        self._bindings: list[Object] = []
        self._cluster = ProductCluster(Path(env["kubeconfig"]), env["context"], NAMESPACE)
        self._doors: list[Child] = []
        self.log = places.logs / "sluice-pods"

    @property
    def running(self) -> bool:
        """Whether the doors are open; what becomes of pods is seen in the cluster."""
        return all(door.running for door in self._doors)

    def start(self) -> None:
        """Build the image, apply everything, and return when each part is available.

        Raises:
            LabError: the image cannot be built, or a part does not come up.
        """
        digest = self._push()
        self._open(
            "out", {f"{network.NODE_ADDRESS}:{port}": f"{ports.HOST}:{port}" for port in (*SERVICES, ports.APISERVER)}
        )
        self._cluster.remove_namespace(GONE_WITHIN_S)
        documents = rendered(self._places, self._env, digest, self._shape)
        self._bindings = [one for one in documents if one["kind"] == "ClusterRoleBinding"]
        self._cluster.apply_documents([*api_server(), *documents, self._secret()])
        say(f"waiting for {', '.join(PARTS)}")
        for part in PARTS:
            self._cluster.wait_for("deployments", f"sluice-{part}", "Available", READY_WITHIN_S)
        self._open(
            "in",
            {f"{ports.HOST}:{ports.RECEIVER}": f"{RECEIVER}:8900", f"{ports.HOST}:{ports.PREFECT}": f"{SERVER}:4200"},
        )
        say(f"Prefect's UI asks for {LOGIN}")

    def stop(self) -> None:
        """Keep the pods' logs, and take everything away but the roles, which give nothing without their bindings."""
        shutil.rmtree(self.log, ignore_errors=True)
        for folder in (self._places.data / "pod-logs").glob(f"{NAMESPACE}_*"):
            shutil.copytree(folder, self.log / folder.name, symlinks=False, ignore_dangling_symlinks=True)
        self._cluster.remove_namespace(GONE_WITHIN_S)
        self._cluster.remove_documents(self._bindings)
        for door in self._doors:
            door.stop()

    def _push(self) -> str:
        """Push the images; the digest of sluice's."""
        registry = self._env["registry"]
        doors = build_program(SOURCES / "apps" / "doors", "doors")
        oci.push_image(registry, "lab/doors", "1", {"/doors": doors}, ["/doors"], {})
        say("building the image of sluice from its Dockerfile; the first time takes some minutes")
        kustomize = (Path(self._env["bin"]) / "kustomize").resolve()
        programs = {"kustomize": kustomize, "helm": helm(), "cosign": cosign()}
        return build.push(registry, "sluice", "demo", CHECKOUT, programs)

    def _open(self, name: str, doors: Mapping[str, str]) -> None:
        refuse_taken(doors)
        program = build_program(SOURCES / "apps" / "doors", "doors")
        log = self._places.logs / f"doors-{name}.log"
        child = Child.started(
            f"doors {name}",
            [str(program), *(f"{here}={there}" for here, there in doors.items())],
            log,
            keeper.mark(self._places.checkout),
        )
        self._doors.append(child)
        child.wait_until(lambda: all(map(_listens, doors)), DOORS_WITHIN_S, "open")

    def _secret(self) -> Object:
        env = self._env
        values = {
            "prefect-auth": LOGIN,
            "registry-token": env["registry_token"],
            "github-secret": env["github_webhook_secret"],
            "slack-token": env["slack_token"],
            **self._shape.secrets,
        }
        meta = {"name": "sluice", "namespace": NAMESPACE}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": values}


def api_server() -> list[Object]:
    """Where pods find the API server: its Service exists, what is behind it is written by nobody else here."""
    meta = {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}}
    return [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": meta,
            "addressType": "IPv4",
            "endpoints": [{"addresses": [network.NODE_ADDRESS], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": ports.APISERVER, "protocol": "TCP"}],
        }
    ]


def refuse_taken(addresses: Iterable[str]) -> None:
    """See that nobody listens yet where doors are to be.

    Raises:
        LabError: somebody does.
    """
    if taken := [address for address in addresses if _listens(address)]:
        raise LabError(f"{', '.join(taken)} is taken: `ss -ltnp` says by which process; end it, and begin again")


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0
