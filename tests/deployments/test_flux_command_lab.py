"""The real `flux` command against a whole installation of sluice: what people type keeps working."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lab.parts import oci
from lab.programs.flux import flux_command
from tests.blocks.git.git_server import Repository
from tests.deployments.test_up_lab import Installation

pytestmark = pytest.mark.lab
WITHIN = 240.0
"""Seconds: a whole installation starts first, on a machine that may be busy."""


def config(value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{value: '{value}'}}\n"


def free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return int(it.getsockname()[1])


@dataclass
class Desk:
    """A person with `flux`, `kubectl` and a clone, and the namespace that they work in."""

    env: dict[str, Any]
    namespace: str
    repository: Repository
    program: Path

    def flux(self, *arguments: str, code: int = 0) -> str:
        """Run `flux` in the namespace; what it prints."""
        command = [self.program, *arguments, "-n", self.namespace, "--kubeconfig", self.env["kubeconfig"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def kubectl(self, *arguments: str, given: str = "") -> str:
        command = [
            f"{self.env['bin']}/kubectl",
            "--kubeconfig",
            self.env["kubeconfig"],
            "-n",
            self.namespace,
            *arguments,
        ]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=WITHIN, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def value(self) -> str:
        return self.kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.value}", "--ignore-not-found")

    def push(self, value: str) -> str:
        self.repository.write({"app/settings.yaml": config(value)})
        return str(self.repository.head())

    def until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + WITHIN
        while not condition():
            assert time.monotonic() < end, what
            time.sleep(0.3)


@pytest.fixture(scope="module")
def desk(lab_env: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A team's namespace with a source, a Kustomization and an image policy, looked after by `sluice up`."""
    name, home = f"flux-{uuid4().hex[:8]}", tmp_path_factory.mktemp("flux")
    repository = Repository(Path(lab_env["git_root"]) / f"{name}.git")
    it = Desk(lab_env, name, repository, flux_command())
    it.push("1")
    oci.push_image(lab_env["registry"], name, "1.0.0", {}, ["/x"], {})
    it.kubectl("create", "namespace", name)
    url = f"{lab_env['git_url']}/{name}.git"
    it.kubectl(
        "apply", "-f", "-", given=MANIFESTS.format(url=url, namespace=name, image=f"{lab_env['registry']}/{name}")
    )
    os.environ["PATH"], path = f"{lab_env['bin']}{os.pathsep}{os.environ['PATH']}", os.environ["PATH"]
    sluice = Installation(lab_env, home / "sluice", name, free_port(), free_port())
    try:
        sluice.start()
        it.until(lambda: it.value() == "1", "the first sync")
        yield it
    finally:
        os.environ["PATH"] = path
        sluice.end(signal.SIGTERM)
        it.kubectl("delete", "kustomization,gitrepository", "--all", "--wait=false")
        it.kubectl("delete", "namespace", name, "--wait=false")
        shutil.rmtree(repository.folder)


MANIFESTS = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: shop}}
spec: {{url: "{url}", ref: {{branch: main}}, interval: 1h}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: shop}}
spec: {{sourceRef: {{kind: GitRepository, name: shop}}, path: ./app, prune: true, interval: 1h,
  targetNamespace: {namespace}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {{name: shop}}
spec: {{image: "{image}", insecure: true, interval: 1h}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {{name: shop}}
spec: {{imageRepositoryRef: {{name: shop}}, policy: {{semver: {{range: ">=1.0.0"}}}}}}
"""


def test_get_shows_sources_kustomizations_and_images_ready(desk: Desk) -> None:
    desk.until(lambda: "True" in desk.flux("get", "images", "repository", "shop"), "a scan of the images")
    assert "stored artifact for revision 'main@sha1:" in desk.flux("get", "sources", "git", "shop")
    assert "Applied revision: main@sha1:" in desk.flux("get", "kustomizations", "shop")
    assert "1.0.0" in desk.flux("get", "images", "policy", "shop")
    assert "successful scan: found 1 tags" in desk.flux("get", "images", "repository", "shop")


def test_reconcile_with_source_brings_a_commit_at_once(desk: Desk) -> None:
    head = desk.push("2")
    said = desk.flux("reconcile", "kustomization", "shop", "--with-source", "--timeout", "60s")
    assert f"applied revision main@sha1:{head}" in said
    assert desk.value() == "2"


def test_reconcile_of_a_source_and_of_images(desk: Desk) -> None:
    head = desk.push("3")
    assert f"fetched revision main@sha1:{head}" in desk.flux("reconcile", "source", "git", "shop", "--timeout", "60s")
    desk.until(lambda: desk.value() == "3", "a new revision of a source is applied")
    oci.push_image(desk.env["registry"], desk.namespace, "1.1.0", {}, ["/x"], {"ABOUT": "1.1.0"})
    assert "scan fetched" in desk.flux("reconcile", "image", "repository", "shop", "--timeout", "60s")
    desk.until(lambda: "1.1.0" in desk.flux("get", "images", "policy", "shop"), "the policy chooses the new tag")


def test_suspend_and_resume(desk: Desk) -> None:
    desk.flux("suspend", "kustomization", "shop")
    desk.push("4")
    desk.flux("reconcile", "source", "git", "shop", "--timeout", "60s")
    assert desk.value() != "4"
    assert "True" in desk.flux("get", "kustomizations", "shop")
    assert "applied revision" in desk.flux("resume", "kustomization", "shop", "--timeout", "60s")
    assert desk.value() == "4"


def test_trace_tree_and_events(desk: Desk) -> None:
    traced = desk.flux("trace", "configmap", "settings")
    assert re.search(r"Kustomization: +shop\n", traced)
    assert re.search(r"GitRepository: +shop\n", traced)
    assert "ConfigMap/" in desk.flux("tree", "kustomization", "shop")
    events = desk.flux("events", "--for", "Kustomization/shop")
    assert "ReconciliationSucceeded" in events


def test_diff_shows_what_a_commit_would_change(desk: Desk, tmp_path: Path) -> None:
    desk.until(lambda: "True" in desk.flux("get", "kustomizations", "shop"), "at rest")
    (tmp_path / "settings.yaml").write_text(config("of my branch"))
    shown = desk.flux("diff", "kustomization", "shop", "--path", str(tmp_path), code=1)
    assert "ConfigMap/" in shown
    assert "of my branch" in shown


def test_export_and_delete(desk: Desk) -> None:
    exported = desk.flux("export", "kustomization", "shop")
    assert "kind: Kustomization" in exported
    desk.flux("delete", "kustomization", "shop", "--silent")
    gone = ("get", "kustomization", "shop", "--ignore-not-found", "-o", "name")
    desk.until(lambda: not desk.kubectl(*gone), "a deleted Kustomization lets go")
    desk.until(lambda: not desk.value(), "what it applied is pruned")
    assert json.loads(desk.kubectl("get", "gitrepository", "shop", "-o", "json"))["status"]["artifact"]
