"""The lab's overlay over the manifests that users apply: what a cluster without DNS and volumes asks for, and no right."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab import ports
from lab.machine import network
from lab.paths import CHECKOUT, LabPaths

NAMESPACE = "sluice"
SERVER, RECEIVER = "198.19.42.1", "198.19.42.2"
"""Addresses of the Services, chosen so that nobody has to look them up without DNS."""
SERVICES = (ports.REGISTRY, ports.GIT, ports.SLACK, ports.GITHUB, ports.GATE, ports.PROMETHEUS, ports.POSTGRESQL)
"""Ports of the lab that sluice, and what it finds in manifests, name on the loopback address."""
KUSTOMIZE_S = 30
Object = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """How sluice is installed.

    Attributes:
        components: what is added to the base, of deployments/kubernetes.
        namespaces: those in which it has rights, and that it looks after; empty for all, by a component.
        secrets: more keys of its Secret.
    """

    components: tuple[str, ...]
    namespaces: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


EVERYWHERE = Shape(("components/cluster-wide", "components/sync", "components/helm", "components/ephemeral"))


def in_one_namespace(namespace: str, database_url: str) -> Shape:
    """No right in any other namespace, nothing of git is applied, and Prefect's database is a PostgreSQL."""
    return Shape(("components/postgresql",), (namespace,), {"database-url": database_url})


def rendered(places: LabPaths, env: Mapping[str, Any], digest: str, shape: Shape = EVERYWHERE) -> list[Object]:
    """The manifests as kustomize makes them, with the lab's own overlay."""
    folder = places.home / "in-cluster"
    shutil.rmtree(folder, ignore_errors=True)
    for namespace in shape.namespaces:
        _write(folder / namespace, only_in(folder / namespace, namespace))
    _write(folder, overlay(folder, env, digest, shape))
    command = [str(Path(env["bin"]) / "kustomize"), "build", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=KUSTOMIZE_S, check=True)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def _write(folder: Path, kustomization: Object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization, sort_keys=False))


def _pieces(folder: Path) -> Path:
    """deployments/kubernetes as a kustomization in this folder names it."""
    return Path(os.path.relpath(CHECKOUT / "deployments" / "kubernetes", folder))


def only_in(folder: Path, namespace: str) -> Object:
    """The rights in one namespace, as the example with two teams has them."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [str(_pieces(folder) / "namespace")],
    }


def overlay(folder: Path, env: Mapping[str, Any], digest: str, shape: Shape = EVERYWHERE) -> Object:
    """The lab's kustomization: the pieces of the repository, and what a cluster without DNS and volumes asks for."""
    pieces = _pieces(folder)
    settings = {
        "METRICS_URL": env["prometheus_url"],
        "SLACK_URL": f"{env['slack_url']}/api/",
        "NAMESPACES": ",".join(shape.namespaces),
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [str(pieces / "base"), *shape.namespaces],
        "components": [str(pieces / piece) for piece in shape.components],
        "configMapGenerator": [
            {
                "name": "sluice",
                "namespace": NAMESPACE,
                "behavior": "merge",
                "literals": [f"SLUICE_{name}={value}" for name, value in settings.items()],
            }
        ],
        "images": [{"name": "sluice", "newName": f"{env['registry']}/sluice", "digest": digest}],
        "patches": [
            {"target": {"kind": "Deployment"}, "patch": json.dumps(_sidecar(env["registry"]))},
            *(
                {
                    "target": {"kind": "Service", "name": f"sluice-{part}"},
                    "patch": json.dumps([{"op": "add", "path": "/spec/clusterIP", "value": address}]),
                }
                for part, address in (("server", SERVER), ("receiver", RECEIVER))
            ),
        ],
    }


def _sidecar(registry: str) -> list[Object]:
    doors = {
        "name": "doors",
        "image": f"{registry}/lab/doors:1",
        "restartPolicy": "Always",
        "args": [f"{ports.HOST}:{port}={network.NODE_ADDRESS}:{port}" for port in SERVICES],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    aliases = [{"ip": SERVER, "hostnames": ["sluice-server"]}]
    return [
        {"op": "add", "path": "/spec/template/spec/initContainers", "value": [doors]},
        {"op": "add", "path": "/spec/template/spec/hostAliases", "value": aliases},
    ]
