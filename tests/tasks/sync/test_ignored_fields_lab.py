"""`spec.ignore` on a real API server: ownership of fields as Kubernetes keeps it, of lists by their keys too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows.sync_source import sync_source
from sluice.errors import TerminalError
from tests.flows.lab_team import Team, team

pytestmark = pytest.mark.lab
Object = dict[str, Any]
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  replicas: 1
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      nodeSelector: {nowhere: "true"}
      containers:
      - name: a
        image: none.invalid/a:IMAGE
        resources: {requests: {cpu: 100m}}
"""
SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: a
  annotations: {external-dns.alpha.kubernetes.io/hostname: git.example, team: IMAGE}
spec: {selector: {app: a}, ports: [{port: 80}]}
"""
RULES = [
    {"paths": ["/spec/replicas", "/spec/template/spec/containers/0/resources"], "target": {"kind": "Deployment"}},
    {"paths": ["/metadata/annotations/external-dns.alpha.kubernetes.io~1hostname"], "target": {"kind": "Service"}},
]


def manifests(image: str) -> dict[str, str]:
    service = SERVICE.replace("IMAGE", f'"{image}"')
    return {"deployment.yaml": DEPLOYMENT.replace("IMAGE", image), "service.yaml": service}


@pytest.fixture
async def sut(lab_env: Object, prefect_engine: str, tmp_path: Path) -> AsyncIterator[Team]:
    async with team(lab_env, tmp_path / "git") as made:
        made.repository.write(manifests("1"))
        await made.source()
        await made.kustomization(ignore=RULES, interval="10m")
        assert "2 applied" in str(await sync_source(made.url, "main"))
        yield made


async def sent(
    one: Team, api_version: str, kind: str, more: str, change: Object, manager: str, apply: bool = False
) -> None:
    """What another manager writes: a merge patch, or a server-side apply by force."""
    path = (await one.cluster.resource_for(api_version, kind)).path(one.name, "a") + more
    query = {"fieldManager": manager, **({"force": "true"} if apply else {})}
    media = "application/apply-patch+yaml" if apply else "application/merge-patch+json"
    await one.cluster.server.call("PATCH", path, query, change, media)


async def seen(one: Team) -> tuple[int, str, str, str]:
    """Replicas, requested CPU, image and the Service's host name."""
    deployment, service = await one.see("apps/v1", "Deployment", "a"), await one.see("v1", "Service", "a")
    assert deployment
    assert service
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    cpu, annotations = container["resources"]["requests"]["cpu"], service["metadata"]["annotations"]
    host = annotations["external-dns.alpha.kubernetes.io/hostname"]
    return deployment["spec"]["replicas"], cpu, container["image"].rpartition(":")[2], host


async def test_what_others_manage_stays_theirs_through_new_revisions(sut: Team) -> None:
    """An autoscaler by `scale`, one by an apply, a controller and a person by patches; what git changes is applied."""
    assert await seen(sut) == (1, "100m", "1", "git.example")
    await sent(sut, "apps/v1", "Deployment", "/scale", {"spec": {"replicas": 3}}, "kube-controller-manager")
    container = {"name": "a", "resources": {"requests": {"cpu": "250m"}}}
    of: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": sut.name}}
    wants = {**of, "spec": {"template": {"spec": {"containers": [container]}}}}
    await sent(sut, "apps/v1", "Deployment", "", wants, "vpa", apply=True)
    annotations = {"external-dns.alpha.kubernetes.io/hostname": "theirs.example"}
    await sent(sut, "v1", "Service", "", {"metadata": {"annotations": annotations}}, "external-dns")
    sut.repository.write(manifests("2"))
    await sync_source(sut.url, "main")
    assert await seen(sut) == (3, "250m", "2", "theirs.example")
    annotations = {"external-dns.alpha.kubernetes.io/hostname": "person.example", "team": "changed"}
    await sent(sut, "v1", "Service", "", {"metadata": {"annotations": annotations}}, "kubectl-edit")
    sut.repository.write(manifests("3"))
    await sync_source(sut.url, "main")
    assert await seen(sut) == (3, "250m", "3", "person.example")
    service = await sut.see("v1", "Service", "a")
    assert service
    assert service["metadata"]["annotations"]["team"] == "3", "no rule names it"
    assert (await sut.ready())[0] == "True"


async def test_a_rule_that_cannot_be_read_is_in_the_condition(sut: Team) -> None:
    """The API server takes it; sluice says which field."""
    await sut.kustomization(ignore=[{"paths": ["spec.replicas"]}], interval="10m")
    sut.repository.write(manifests("2"))
    with pytest.raises(TerminalError, match=r"spec\.ignore\[0\]\.paths\[0\]"):
        await sync_source(sut.url, "main")
    assert "spec.ignore[0].paths[0] 'spec.replicas' is no JSON pointer" in (await sut.ready())[2]
