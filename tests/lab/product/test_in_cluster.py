"""sluice in the lab's cluster is what its users apply; the lab's own overlay gives it no right and no privilege."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.api.paths import plural_of
from lab.apps import variants
from lab.errors import LabError
from lab.paths import CHECKOUT
from lab.processes.child import Child
from lab.product.application import APPS
from lab.product.chart import STOCK
from lab.product.in_cluster import refuse_taken
from lab.product.overlay import EVERYWHERE, in_one_namespace, only_in, overlay
from lab.programs.gobuild import build_program

ENV: dict[str, Any] = {
    "prometheus_url": "http://127.0.0.1:19090",
    "slack_url": "http://127.0.0.1:13001",
    "registry": "127.0.0.1:15000",
}
KINDS = {"Deployment", "Service"}


def test_the_overlay_patches_pods_and_services_only(tmp_path: Path) -> None:
    """Rights, accounts and security are those of the manifests."""
    made = overlay(tmp_path, ENV, "sha256:abc")
    assert {patch["target"]["kind"] for patch in made["patches"]} == KINDS
    paths = [step["path"] for patch in made["patches"] for step in json.loads(patch["patch"])]
    assert [one for one in paths if "securityContext" in one or "serviceAccount" in one or "env" in one] == []
    for piece in (*made["resources"], *made["components"]):
        assert (
            (tmp_path / piece / "kustomization.yaml").resolve().is_relative_to(CHECKOUT / "deployments" / "kubernetes")
        )
    assert len(made["components"]) == len(EVERYWHERE.components)


def allowed() -> set[tuple[str, str, str]]:
    """Group, resource and verb of what the demo's pieces let a sync do: the ClusterRoles with the label that they bind."""
    pieces = CHECKOUT / "deployments" / "kubernetes"
    assert {"components/sync", "components/helm"} <= set(EVERYWHERE.components)
    files = (pieces / "base" / "sync.yaml", pieces / "components" / "helm" / "role.yaml")
    roles = [one for file in files for one in yaml.safe_load_all(file.read_text())]
    return {
        (group, resource, verb)
        for role in roles
        if role["metadata"].get("labels", {}).get("sluice.dev/sync") == "true"
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_pods_may_apply_what_the_demo_has_in_git() -> None:
    """By the Kustomization, the HelmRelease among it, and by helm what the chart makes, with its record of it."""
    kind = re.compile(r"^apiVersion: (\S+)\nkind: (\S+)$", re.MULTILINE)
    folders = (APPS / "manifests", STOCK, STOCK / "chart" / "templates")
    brought = [pair for folder in folders for file in folder.glob("*.yaml") for pair in kind.findall(file.read_text())]
    applied = [(version, name) for version, name in brought if not version.startswith("kustomize.config.k8s.io")]
    assert {"Deployment", "Canary", "HelmRelease", "Service", "HTTPRoute"} == {name for _, name in applied}
    wanted = {
        ("" if version == "v1" else version.partition("/")[0], plural_of(name), verb)
        for version, name in [*applied, ("v1", "Secret")]
        for verb in ("get", "list", "watch", "create", "patch", "delete")
    }
    assert wanted - allowed() == set()


def test_in_one_namespace_there_is_no_right_in_another(tmp_path: Path) -> None:
    """And no component that gives one; the folder of the namespace is the example's."""
    made = overlay(tmp_path, ENV, "sha256:abc", in_one_namespace("shop", "postgresql+asyncpg://db"))
    assert [Path(one).name for one in made["components"]] == ["postgresql"]
    assert made["resources"][1:] == ["shop"]
    assert "SLUICE_NAMESPACES=shop" in made["configMapGenerator"][0]["literals"]
    there = only_in(tmp_path / "shop", "shop")
    example = CHECKOUT / "deployments" / "kubernetes" / "examples" / "two-teams" / "pay" / "kustomization.yaml"
    assert set(there) == set(yaml.safe_load(example.read_text()))
    (named,) = there["resources"]
    assert (tmp_path / "shop" / named).resolve() == CHECKOUT / "deployments" / "kubernetes" / "namespace"


def test_the_sidecar_is_as_restricted_as_the_parts(tmp_path: Path) -> None:
    """The namespace enforces it."""
    (sidecars,) = [p for p in overlay(tmp_path, ENV, "sha256:abc")["patches"] if p["target"] == {"kind": "Deployment"}]
    (doors,) = json.loads(sidecars["patch"])[0]["value"]
    security = doors["securityContext"]
    assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
    assert security["capabilities"] == {"drop": ["ALL"]}


def test_a_door_leads_there_and_back(tmp_path: Path) -> None:
    """Bytes go both ways, and the end of what one side says reaches the other."""
    program = build_program(Path(variants.__file__).parent / "doors", "doors")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as free:
        there, here = server.getsockname()[1], free.getsockname()[1]
        free.close()
        child = Child.started("doors", [str(program), f"127.0.0.1:{here}=127.0.0.1:{there}"], tmp_path / "log")
        try:
            child.wait_until(lambda: _accepts(here), 20, "listening")
            server.settimeout(20)
            server.accept()[0].close()  # the look whether it listens
            with socket.create_connection(("127.0.0.1", here), timeout=20) as client:
                accepted, _ = server.accept()
                with accepted:
                    client.sendall(b"question")
                    client.shutdown(socket.SHUT_WR)
                    assert accepted.makefile("rb").read() == b"question"
                    accepted.sendall(b"answer")
                assert client.makefile("rb").read() == b"answer"
        finally:
            child.stop()


def test_a_door_that_somebody_else_has_is_refused_by_its_address() -> None:
    """Else the demo would end in the middle, and its pods would talk to whatever listens there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(LabError, match=f"{address} is taken"):
            refuse_taken([address])
    refuse_taken([address])


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_door_that_cannot_be_understood_is_refused() -> None:
    """Nothing listens by accident."""
    program = build_program(Path(variants.__file__).parent / "doors", "doors")
    done = subprocess.run([str(program), "nonsense"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode != 0
    assert "LISTEN=TARGET" in done.stderr
