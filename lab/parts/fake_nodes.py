"""Fake nodes whose pods are ready at once (kwok), for benchmarks with more workloads than a machine can run.

The API server, its controllers and the scheduler are the lab's real ones; only what a kubelet would do is played. The
nodes are tainted, so that no real pod lands on them, and labelled, so that only pods that ask for them do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import paths
from lab.programs import gobuild

PACKAGE = "sigs.k8s.io/kwok/cmd/kwok"
LABEL = "sluice.dev/fake-node"
STAGES = paths.SOURCES / "kwok" / "stages.yaml"
PODS_PER_NODE = 220
"""Fewer than the 254 addresses of a node's range."""


def program() -> Path:
    """The kwok program, built once."""
    return gobuild.build_program(paths.SOURCES / "kwok", "kwok", PACKAGE)


def command(kwok: Path, kubeconfig: Path, owner: str) -> list[str]:
    """How to run it for the nodes of one owner."""
    return [
        str(kwok),
        f"--kubeconfig={kubeconfig}",
        f"--manage-nodes-with-label-selector={LABEL}={owner}",
        "--node-lease-duration-seconds=40",
        "--server-address=",
        f"--config={STAGES}",
        "--v=WARN",
    ]


def node(name: str, owner: str) -> dict[str, Any]:
    """One node."""
    room = {"cpu": "1k", "memory": "1Ti", "pods": str(PODS_PER_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {LABEL: owner, "kubernetes.io/hostname": name}},
        "spec": {"taints": [{"key": LABEL, "value": owner, "effect": "NoSchedule"}]},
        "status": {"allocatable": room, "capacity": room},
    }


def placement(owner: str) -> dict[str, Any]:
    """The part of a pod's spec that puts it on these nodes and nowhere else."""
    return {
        "nodeSelector": {LABEL: owner},
        "tolerations": [{"key": LABEL, "operator": "Equal", "value": owner, "effect": "NoSchedule"}],
    }
