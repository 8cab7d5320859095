"""Every overlay as users apply it: rendered by kubectl, held against itself, and taken by an API server's dry run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.product.cluster import ProductCluster

pytestmark = pytest.mark.lab
Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deployments" / "kubernetes"
NAMESPACES = ("sluice", "shop", "pay")
COMPONENTS = sorted(file.parent.name for file in (FOLDER / "components").glob("*/kustomization.yaml"))
EXAMPLES = sorted(file.parent.name for file in (FOLDER / "examples").glob("*/kustomization.yaml"))
SERVERS = {"ephemeral", "postgresql", "external-prefect"}
"""Components that say where Prefect's database is, or Prefect itself: one of them, or none."""
OTHERS = [name for name in COMPONENTS if name not in SERVERS]
SETS = [
    *(pair for size in range(3) for pair in combinations(COMPONENTS, size) if len(SERVERS.intersection(pair)) <= 1),
    *((*OTHERS, server) for server in sorted(SERVERS)),
    tuple(OTHERS),
]
"""Each piece alone, each two of them, and all that go together. Every subset would be eight thousand tests."""
SECONDS = 60


@dataclass(frozen=True)
class Kubectl:
    """The program, with the lab's cluster."""

    program: str
    kubeconfig: str

    def __call__(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [self.program, "--kubeconfig", self.kubeconfig, *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.fixture(scope="module")
def kubectl(lab_env: Object) -> Iterator[Kubectl]:
    """The namespaces exist: a dry run does not make those that objects in it are in."""
    it = Kubectl(str(Path(lab_env["bin"]) / "kubectl"), lab_env["kubeconfig"])
    clusters = [ProductCluster(Path(lab_env["kubeconfig"]), lab_env["context"], name) for name in NAMESPACES]
    made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]
    made[0] = yaml.safe_load((FOLDER / "base" / "namespace.yaml").read_text())
    clusters[0].apply_documents(made)
    yield it
    with ThreadPoolExecutor(len(clusters)) as aside:
        list(aside.map(lambda cluster: cluster.remove_namespace(SECONDS), clusters))


def overlays() -> list[tuple[str, ...]]:
    return [("examples", name) for name in EXAMPLES] + [("components", *chosen) for chosen in SETS]


@pytest.fixture(scope="module", params=overlays(), ids="-".join)
def rendered(
    request: pytest.FixtureRequest, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> list[Object]:
    """An example, or the base with some components and the rights in one namespace: rendered once for all its tests, which
    only read it."""
    what, *names = request.param
    folder = FOLDER / "examples" / names[0] if what == "examples" else tmp_path_factory.mktemp("overlay")
    if what == "components":
        pieces = Path(os.path.relpath(FOLDER, folder))
        (folder / "shop").mkdir(parents=True)
        head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        one = head | {"namespace": "shop", "resources": [str(".." / pieces / "namespace")]}
        whole = head | {
            "resources": [str(pieces / "base"), "shop"],
            "components": [str(pieces / "components" / name) for name in names],
        }
        (folder / "shop" / "kustomization.yaml").write_text(yaml.safe_dump(one))
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(whole))
    done = kubectl("kustomize", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no warning"
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def kinds(documents: list[Object], *names: str) -> list[Object]:
    return [one for one in documents if one["kind"] in names]


def test_an_api_server_takes_all_of_it_without_a_warning(kubectl: Kubectl, rendered: list[Object]) -> None:
    """As `kubectl apply -k` sends it. The namespace warns of whatever Pod Security's `restricted` would refuse."""
    text = yaml.safe_dump_all(rendered)
    done = kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", given=text)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert len(done.stdout.splitlines()) == len(rendered)


def test_pods_are_restricted_and_have_limits(rendered: list[Object]) -> None:
    """No patch of an overlay takes that away."""
    deployments = kinds(rendered, "Deployment")
    server = {"sluice-server"}.intersection(one["metadata"]["name"] for one in kinds(rendered, "Service"))
    parts = {"sluice-worker", "sluice-receiver", "sluice-watcher"} | server
    assert sorted(one["metadata"]["name"] for one in deployments) == sorted(parts)
    for one in deployments:
        spec = one["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 1000
        assert not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]
            assert re.search(r":\d+\.\d+\.\d+$", container["image"]), "a tag that is pinned"


def test_roles_are_exact(rendered: list[Object]) -> None:
    """No wildcard, and no binding without its role and its account."""
    roles = {(one["kind"], one["metadata"]["name"]): one for one in kinds(rendered, "Role", "ClusterRole")}
    for one in roles.values():
        for rule in one["rules"] or ():
            assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
    accounts = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in kinds(rendered, "ServiceAccount")}
    for one in kinds(rendered, "RoleBinding", "ClusterRoleBinding"):
        assert (one["roleRef"]["kind"], one["roleRef"]["name"]) in roles
        assert {(subject["namespace"], subject["name"]) for subject in one["subjects"]} <= accounts


def test_what_a_pod_refers_to_is_there_or_documented(rendered: list[Object]) -> None:
    """Config by its hashed name, keys of the one Secret by the page, volumes, accounts, and the pods of a Service."""
    page = (ROOT / "docs" / "install.md").read_text()
    configs = {one["metadata"]["name"]: one.get("data") for one in kinds(rendered, "ConfigMap")}
    claims = {one["metadata"]["name"] for one in kinds(rendered, "PersistentVolumeClaim")}
    accounts = {one["metadata"]["name"] for one in kinds(rendered, "ServiceAccount")}
    pods = [one["spec"]["template"] for one in kinds(rendered, "Deployment")]
    for pod in pods:
        spec = pod["spec"]
        assert spec["serviceAccountName"] in accounts
        volumes = {one["name"]: one for one in spec["volumes"]}
        wanted = {
            one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one
        }
        assert wanted <= claims
        (container,) = spec["containers"]
        assert {one["name"] for one in container["volumeMounts"]} == set(volumes)
        assert {one["configMapRef"]["name"] for one in container["envFrom"]} <= set(configs)
        for variable in container["env"]:
            if key := variable.get("valueFrom", {}).get("secretKeyRef"):
                assert key["name"] == "sluice"
                assert re.search(rf"^\|[^|]*`{key['key']}`[^|]*\|", page, re.MULTILINE), key
                assert key.get("optional") or f"`{key['key']}` has to be there" in page
    for service in kinds(rendered, "Service"):
        selected = [pod for pod in pods if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()]
        (chosen,) = selected
        ports = {port["name"] for port in chosen["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_every_piece_that_the_page_names_is_one_and_is_tried() -> None:
    """And each that there is, is on the page."""
    page = (ROOT / "docs" / "install.md").read_text()
    assert {f"components/{name}" for name in COMPONENTS} == set(
        re.findall(r"^\| `(components/[\w-]+)`", page, re.MULTILINE)
    )
    assert {f"examples/{name}" for name in EXAMPLES} <= set(re.findall(r"examples/[\w-]+", page))
