"""The manifests in deployments/kubernetes say what a careful person would have said, and fit the code that they run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.cli import app
from deployments.doors.receiver import HEALTH
from deployments.rights.part import ALWAYS
from deployments.settings import Settings
from sluice.events.senders.table import SENDERS

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deployments" / "kubernetes"
FOLDERS = sorted(file.parent for file in FOLDER.rglob("kustomization.yaml"))
PARTS = ("server", "worker", "receiver", "watcher")
RESOURCES = [file for file in FOLDER.rglob("*.yaml") if file.name != "kustomization.yaml"]


def documents() -> Iterator[tuple[str, Object]]:
    for file in RESOURCES:
        for document in yaml.safe_load_all(file.read_text()):
            yield str(file.relative_to(FOLDER)), document


def deployment(part: str) -> Object:
    return next(
        one for _, one in documents() if (one["kind"], one["metadata"]["name"]) == ("Deployment", f"sluice-{part}")
    )


def pod(part: str) -> Object:
    spec: Object = deployment(part)["spec"]["template"]["spec"]
    return spec


def container(part: str) -> Object:
    (only,) = pod(part)["containers"]
    return dict(only)


@pytest.mark.parametrize("part", PARTS)
def test_a_pod_is_restricted(part: str) -> None:
    """As the Pod Security Standard `restricted` asks, which its namespace enforces, and with a read-only root."""
    whole, inner = pod(part)["securityContext"], container(part)["securityContext"]
    assert whole["runAsNonRoot"] is True
    assert whole["runAsUser"] > 1000
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inner["allowPrivilegeEscalation"] is False
    assert inner["readOnlyRootFilesystem"] is True
    assert inner["capabilities"] == {"drop": ["ALL"]}
    namespace = next(one for _, one in documents() if one["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("part", PARTS)
def test_what_is_written_has_a_place(part: str) -> None:
    """Home and /tmp: whatever writes elsewhere would meet the read-only root."""
    mounted = {one["mountPath"] for one in container(part)["volumeMounts"]}
    image = dict(re.findall(r"^ENV (\w+)=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert mounted == {image["SLUICE_HOME"], "/tmp"}  # noqa: S108 - in the pod
    assert image["HOME"] == image["SLUICE_HOME"]
    assert image["PREFECT_HOME"].startswith(image["SLUICE_HOME"])


@pytest.mark.parametrize("part", PARTS)
def test_a_part_runs_its_command_with_settings_that_exist(part: str) -> None:
    """A name with a typing error would do nothing."""
    assert container(part)["args"] == [part]
    assert part in list(app)
    fields = {f"SLUICE_{name.upper()}" for name in Settings.model_fields}
    assert {one["name"] for one in container(part)["env"]} <= fields
    for _, text in _literals():
        assert text.partition("=")[0] in fields


def _literals() -> Iterator[tuple[Path, str]]:
    for folder in FOLDERS:
        for generator in yaml.safe_load((folder / "kustomization.yaml").read_text()).get("configMapGenerator", ()):
            yield from ((folder, text) for text in generator["literals"])


@pytest.mark.parametrize("part", PARTS)
def test_a_pod_is_asked_whether_it_lives_and_how_much_it_takes(part: str) -> None:
    """Probes that exist, and limits: a part that grows is ended before its node is."""
    it = container(part)
    ports = {one["name"] for one in it.get("ports", ())}
    for probe in (it["startupProbe"], it["livenessProbe"], it["readinessProbe"]):
        if http := probe.get("httpGet"):
            assert http["port"] in ports
            assert http["path"] == {"server": "/api/health", "receiver": HEALTH}[part]
        else:
            _, _, module, _ = probe["exec"]["command"]
            assert find_spec(module)
        assert probe["timeoutSeconds"] >= 5
    assert {"cpu", "memory"} <= it["resources"]["requests"].keys()
    assert "memory" in it["resources"]["limits"]


def test_who_is_reached_by_a_service_serves_until_no_proxy_leads_there() -> None:
    """A pod has to end at the moment in which proxies begin to forget it; others that nobody asks end at once."""
    reached = {
        one["spec"]["selector"]["app.kubernetes.io/component"] for _, one in documents() if one["kind"] == "Service"
    }
    assert reached == {"server", "receiver"}
    for part in PARTS:
        waits = container(part).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [""])[-1]
        seconds = int((re.findall(r"sleep\((\d+)\)", waits) or ["0"])[0])
        assert (5 <= seconds < pod(part)["terminationGracePeriodSeconds"] / 2) is (part in reached), part


def test_who_has_no_rights_has_no_token() -> None:
    """Server and receiver: the parts that others reach over the network."""
    accounts = {one["metadata"]["name"]: one for _, one in documents() if one["kind"] == "ServiceAccount"}
    assert set(accounts) == {f"sluice-{part}" for part in PARTS}
    for part in PARTS:
        assert pod(part)["serviceAccountName"] == f"sluice-{part}"
        given = accounts[f"sluice-{part}"].get("automountServiceAccountToken", True)
        assert given is (part in ALWAYS)
        assert pod(part).get("automountServiceAccountToken", True) is given


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_only_its_own_secrets(part: str) -> None:
    """The receiver cannot leak the Slack token, the worker not the webhooks' secrets."""
    wanted = {
        "server": {"prefect-auth", "database-url", "redis-url"},
        "worker": {"prefect-auth", "slack-token", "slack-signing-secret", "github-token", "gitlab-api-token"},
        "receiver": {"prefect-auth"} | {one.secret.replace("_", "-") for one in SENDERS.values()},
        "watcher": {"prefect-auth"},
    }
    found = {
        one["valueFrom"]["secretKeyRef"]["key"]
        for one in container(part)["env"]
        if "secretKeyRef" in one.get("valueFrom", {})
    }
    assert found == wanted[part]
    page = (ROOT / "docs" / "install.md").read_text()
    assert all(key in page for key in found)


def test_every_role_is_given_to_its_own_account() -> None:
    """In the manifests as they are: no binding to anybody else, and none to a role that does not exist."""
    roles = {one["metadata"]["name"] for _, one in documents() if one["kind"] in {"Role", "ClusterRole"}}
    accounts = {one["metadata"]["name"] for _, one in documents() if one["kind"] == "ServiceAccount"}
    for file, one in documents():
        if one["kind"] in {"RoleBinding", "ClusterRoleBinding"}:
            assert one["roleRef"]["name"] in roles, file
            for subject in one["subjects"]:
                assert subject["name"] in accounts, file
                own = ("sluice-sync", "sluice-logins", "sluice-chat", subject["name"])
                assert one["roleRef"]["name"].startswith(own), file


def test_no_role_has_a_wildcard() -> None:
    """Sync included: what is missing there is added by name."""
    rules = [rule for _, one in documents() if one["kind"] in {"Role", "ClusterRole"} for rule in one["rules"]]
    assert len(rules) > 10
    assert not [rule for rule in rules if "*" in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])]


def test_a_budget_never_blocks_a_drain() -> None:
    """Only what has more than one pod has one."""
    for _, one in documents():
        if one["kind"] == "PodDisruptionBudget":
            part = one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
            assert deployment(part)["spec"]["replicas"] > one["spec"]["maxUnavailable"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(FOLDER)))
def test_what_a_kustomization_names_is_there(folder: Path) -> None:
    """And everything in its folder is named."""
    it = yaml.safe_load((folder / "kustomization.yaml").read_text())
    named = {*it.get("resources", ()), *it.get("components", ())}
    assert all((folder / one).exists() for one in named)
    assert {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"} <= named


def test_the_image_holds_what_is_packaged() -> None:
    """The Dockerfile copies each package, and what the build reads; .dockerignore lets just that in."""
    text = (ROOT / "Dockerfile").read_text()
    copied = {
        name.strip("./") for line in re.findall(r"^COPY (?!--)(.+)$", text, re.MULTILINE) for name in line.split()[:-1]
    }
    packages = {"sluice", "blocks", "tasks", "flows", "deployments"}
    assert copied == packages | {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "NOTICE"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert "USER 65532:65532" in text
