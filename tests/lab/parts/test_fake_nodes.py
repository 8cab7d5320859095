"""The fake nodes: pods that ask for them are ready at once, others never land there."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lab.parts import fake_nodes

pytestmark = pytest.mark.lab
WITHIN_S = 40


class Kubectl:
    """kubectl on the lab."""

    def __init__(self, lab_env: dict[str, Any]) -> None:
        self._program = Path(lab_env["bin"]) / "kubectl"
        self._environment = {**os.environ, "KUBECONFIG": lab_env["kubeconfig"]}

    def __call__(self, *arguments: str, given: dict[str, Any] | None = None) -> str:
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

    def pod(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self("get", "pod", name, "-o", "json")))


@pytest.fixture
def fake(lab_env: dict[str, Any]) -> Iterator[tuple[Kubectl, str]]:
    """A fake node, with the name of its owner."""
    kubectl, owner = Kubectl(lab_env), f"test-{uuid4().hex[:8]}"
    command = fake_nodes.command(fake_nodes.program(), Path(lab_env["kubeconfig"]), owner)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as kwok:
        try:
            kubectl("create", "-f", "-", given=fake_nodes.node(owner, owner))
            yield kubectl, owner
            kubectl("delete", "pod", "-l", f"test={owner}")
        finally:
            kubectl("delete", "node", owner, "--wait=false")
            kwok.terminate()


def pod(name: str, owner: str, placement: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"test": owner}},
        "spec": {
            **placement,
            "automountServiceAccountToken": False,
            "containers": [{"name": "app", "image": "registry.example/none:1"}],
        },
    }


def test_a_pod_that_asks_for_it_is_ready_with_an_address_and_goes_when_deleted(fake: tuple[Kubectl, str]) -> None:
    kubectl, owner = fake
    kubectl("create", "-f", "-", given=pod(f"{owner}-a", owner, fake_nodes.placement(owner)))

    kubectl("wait", "--for=condition=Ready", f"pod/{owner}-a", f"--timeout={WITHIN_S}s")

    found = kubectl.pod(f"{owner}-a")
    assert found["spec"]["nodeName"] == owner
    assert found["status"]["podIP"]


def test_a_pod_that_does_not_ask_lands_elsewhere(fake: tuple[Kubectl, str]) -> None:
    kubectl, owner = fake
    kubectl("create", "-f", "-", given=pod(f"{owner}-b", owner, {}))

    deadline = time.monotonic() + WITHIN_S
    while not (node := kubectl.pod(f"{owner}-b")["spec"].get("nodeName")):
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert node != owner
