"""Pieces of deployments/kubernetes as kustomize puts them together: what each takes away, and what it asks for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.programs import build

Object = dict[str, Any]
FOLDER = Path(__file__).resolve().parents[3] / "deployments" / "kubernetes"
SECONDS = 60
OWN, ELSEWHERE = "http://sluice-server:4200/api", "https://prefect.example/api"


@pytest.fixture(scope="module")
def kustomize() -> str:
    """The program, of this machine or of a lab that was built once."""
    built = build.place() / "kustomize"
    program = shutil.which("kustomize") or (str(built) if built.exists() else None)
    if program is None:
        pytest.skip("no kustomize here: install it, or build the lab")
    return program


def rendered(kustomize: str, folder: Path, overlay: Object) -> list[Object]:
    """An overlay of the pieces that it names, which are paths in deployments/kubernetes."""
    pieces = Path(os.path.relpath(FOLDER, folder))
    named = {
        key: [str(pieces / name) for name in overlay[key]] for key in ("resources", "components") if key in overlay
    }
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(head | overlay | named))
    done = subprocess.run(
        [kustomize, "build", str(folder)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def with_prefect(kustomize: str, folder: Path, url: str | None, *components: str) -> list[Object]:
    settings = [f"SLUICE_PREFECT_API_URL={url}"] if url else ["SLUICE_SLACK_CHANNEL=releases"]
    generator = {"name": "sluice", "namespace": "sluice", "behavior": "merge", "literals": settings}
    whole = {"resources": ["base"], "configMapGenerator": [generator]}
    return rendered(kustomize, folder, whole | ({"components": list(components)} if components else {}))


def environments(documents: list[Object]) -> dict[str, dict[str, str]]:
    """Plain values of each Deployment's container, as the kubelet reads them: the last ConfigMap wins, then `env`."""
    configs = {one["metadata"]["name"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    found = {}
    for one in documents:
        if one["kind"] == "Deployment":
            (container,) = one["spec"]["template"]["spec"]["containers"]
            values: dict[str, str] = {}
            for source in container["envFrom"]:
                values |= configs[source["configMapRef"]["name"]]
            values |= {item["name"]: item["value"] for item in container["env"] if "value" in item}
            found[one["metadata"]["name"]] = values
    return found


def test_parts_find_the_server_that_comes_with_them(kustomize: str, tmp_path: Path) -> None:
    """And the server is given no address of another, which it would refuse to start with."""
    found = environments(with_prefect(kustomize, tmp_path, None))
    server = found.pop("sluice-server")
    assert "SLUICE_PREFECT_API_URL" not in server
    assert {name: one["SLUICE_PREFECT_API_URL"] for name, one in found.items()} == dict.fromkeys(
        ("sluice-worker", "sluice-receiver", "sluice-watcher"), OWN
    )


def test_a_prefect_that_is_there_takes_the_place_of_the_server(kustomize: str, tmp_path: Path) -> None:
    """Its address is one setting of the ConfigMap, and nothing of the server is left."""
    documents = with_prefect(kustomize, tmp_path, ELSEWHERE, "components/external-prefect")
    found = environments(documents)
    assert {name: one["SLUICE_PREFECT_API_URL"] for name, one in found.items()} == dict.fromkeys(
        ("sluice-worker", "sluice-receiver", "sluice-watcher"), ELSEWHERE
    )
    assert [one["kind"] for one in documents if one["metadata"]["name"] == "sluice-server"] == []


@pytest.mark.parametrize(("components", "may_lack"), [((), True), (("components/postgresql",), False)])
def test_a_database_that_was_asked_for_has_to_be_named(
    kustomize: str, tmp_path: Path, components: tuple[str, ...], may_lack: bool
) -> None:
    """Without the key the pod does not start, rather than keep its history in a SQLite that goes with it."""
    (server,) = (
        one
        for one in with_prefect(kustomize, tmp_path, None, *components)
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", "sluice-server")
    )
    (container,) = server["spec"]["template"]["spec"]["containers"]
    (key,) = (one["valueFrom"]["secretKeyRef"] for one in container["env"] if one["name"] == "SLUICE_DATABASE_URL")
    assert (key["name"], key["key"]) == ("sluice", "database-url")
    assert key.get("optional", False) is may_lack


def bound(documents: list[Object], role: str) -> list[tuple[str, str | None]]:
    """Where a role is given: the kind of each binding, and its namespace."""
    return [
        (one["kind"], one["metadata"].get("namespace"))
        for one in documents
        if one["kind"].endswith("Binding") and one["roleRef"] == {**one["roleRef"], "kind": "ClusterRole", "name": role}
    ]


def test_what_is_in_git_may_be_applied_in_one_namespace(kustomize: str, tmp_path: Path) -> None:
    """The rights are as wide as the installation's; the component of that name gives them everywhere, the base nowhere."""
    (tmp_path / "shop").mkdir()
    rights = {"namespace": "shop", "resources": ["namespace", "namespace-sync"]}
    only = rendered(kustomize, tmp_path / "shop", rights)
    assert bound(only, "sluice-sync") == bound(only, "sluice-worker") == [("RoleBinding", "shop")]
    everywhere = with_prefect(kustomize, tmp_path, None, "components/sync")
    assert bound(everywhere, "sluice-sync") == [("ClusterRoleBinding", None)]
    base = with_prefect(kustomize, tmp_path, None)
    assert bound(base, "sluice-sync") == []
    assert "sluice-sync" in {one["metadata"]["name"] for one in base if one["kind"] == "ClusterRole"}
