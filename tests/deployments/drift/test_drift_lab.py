"""Drift on a real API server: ownership of fields as Kubernetes keeps it, for ordinary kinds of objects."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from blocks.applied.applied import Applied
from blocks.applied.watches import Watches
from blocks.connections import connections
from blocks.kubernetes.api_server import ApiServer
from blocks.kubernetes.kinds import KUSTOMIZATION
from deployments.drift.watcher import DriftWatcher
from flows.sync_source import sync_source
from sluice.manifests.flux.kustomization import Kustomization
from tasks.sync.kustomizations.preview import previewed
from tests.flows.lab_team import Team, team

pytestmark = pytest.mark.lab
Object = dict[str, Any]
AT_ONCE = {"sluice.dev/drift": "at-once"}
MANIFESTS = {
    "config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: git, other: git}\n",
    "secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: secret-of-git}\n",
    "service.yaml": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
        "spec:\n  selector: {app: a}\n"
        "  ports: [{name: http, port: 80, targetPort: http}, {name: dns, port: 53, protocol: UDP}]\n"
    ),
    "deployment.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 0\n"
        "  selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    spec:\n      containers:\n"
        "      - name: a\n        image: none.invalid/a:1\n        ports: [{name: http, containerPort: 80}]\n"
        "        resources: {requests: {cpu: 1000m, memory: 0.5Gi}}\n"
        "        env: [{name: A, value: '1'}, {name: B, value: ''}]\n"
        "      volumes: [{name: tmp, emptyDir: {}}]\n"
    ),
    "role.yaml": (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\n"
        "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n"
    ),
    "budget.yaml": (
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n"
        "spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}\n"
    ),
    "scaler.yaml": (
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
        "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: other}, maxReplicas: 3}\n"
    ),
}


@pytest.fixture
async def sut(lab_env: dict[str, Any], prefect_engine: str, tmp_path: Path) -> AsyncIterator[Team]:
    async with team(lab_env, tmp_path / "git") as made:
        watches = Watches(made.cluster, (made.name,))
        connections().applied = Applied(watches=watches)
        made.repository.write(MANIFESTS)
        await made.source()
        await made.apply(
            "Kustomization",
            "kustomize.toolkit.fluxcd.io/v1",
            {"sourceRef": {"kind": "GitRepository", "name": "shop"}, "prune": True, "interval": "10m"},
            annotations=AT_ONCE,
        )
        assert "7 applied" in str(await sync_source(made.url, "main"))
        task = asyncio.create_task(DriftWatcher.of(connections()).keep())
        try:
            kinds = [await made.cluster.resource_for("v1", kind) for kind in ("ConfigMap", "Secret")]
            await until(lambda: fresh(watches, kinds, made.name))
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await watches.close()


async def fresh(watches: Watches, kinds: list[Any], namespace: str) -> bool:
    return all(watches.fresh(kind, namespace) for kind in kinds)


async def until(holds: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.05)


async def by_hand(one: Team, api_version: str, kind: str, change: Object, manager: str = "kubectl-edit") -> None:
    """What a person does with kubectl."""
    path = (await one.cluster.resource_for(api_version, kind)).path(one.name, "a")
    query = {"fieldManager": manager}
    await one.cluster.server.call("PATCH", path, query, change, "application/merge-patch+json")


async def events(one: Team, reason: str) -> list[str]:
    found = await one.cluster.list(await one.cluster.resource_for("v1", "Event"), one.name)
    return [each["message"] for each in found if each["reason"] == reason]


async def test_what_a_person_changes_is_put_back_and_reported_and_no_secret_is_said(sut: Team) -> None:
    """A value, a Secret's value, replicas by scale, a label that was added, and an object that was deleted."""

    async def back() -> bool:
        config, secret = await sut.see("v1", "ConfigMap", "a"), await sut.see("v1", "Secret", "a")
        target, role = await sut.see("apps/v1", "Deployment", "a"), await sut.see("v1", "Service", "a")
        return bool(
            config
            and secret
            and target
            and role
            and config["data"] == {"value": "git", "other": "git"}
            and secret["data"] == {"password": "c2VjcmV0LW9mLWdpdA=="}
            and target["spec"]["replicas"] == 0
            and "more" not in target["metadata"]["labels"]
        )

    assert await back()
    await by_hand(sut, "v1", "ConfigMap", {"data": {"value": "hand", "other": None}})
    await by_hand(sut, "v1", "Secret", {"data": {"password": "c2VjcmV0LW9mLWhhbmQ="}})
    await by_hand(sut, "apps/v1", "Deployment", {"spec": {"replicas": 1}, "metadata": {"labels": {"more": "1"}}})
    await sut.cluster.delete(await sut.cluster.resource_for("v1", "Service"), "a", sut.name)
    await until(back)
    await until(lambda: events(sut, "DriftCorrected"))
    said = "\n".join(await events(sut, "Drift"))
    assert "data.value is hand, git says git (kubectl-edit" in said
    assert "data.other is absent, git says git" in said
    assert "data.password is (hidden)" in said
    assert "c2VjcmV0" not in said
    assert "secret-of" not in said
    assert "spec.replicas is 1, git says 0 (kubectl-edit" in said
    assert f"Service {sut.name}/a was deleted" in said


@pytest.mark.parametrize("memory", [True, False], ids=["with memory", "after a restart"])
async def test_an_unchanged_sync_writes_no_object(sut: Team, memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults, quantities and keys of lists are as the API server writes them; at most what it rewrites comes once more."""
    asked, call = Counter[str](), ApiServer.call

    async def counting(self: ApiServer, method: str, path: str, *rest: Any, **more: Any) -> Object:
        asked[f"{method} {path.split('/')[-2]}"] += 1
        return await call(self, method, path, *rest, **more)

    if not memory:
        connections().applied = Applied(watches=connections().applied.watches)
    sut.repository.write({"README": "nothing of the cluster"})
    monkeypatch.setattr(ApiServer, "call", counting)
    await sync_source(sut.url, "main")
    writes = {what for what in asked if what.startswith("PATCH")} - {"PATCH shop"}
    assert writes <= (set() if memory else {"PATCH deployments"}), asked


async def test_a_controllers_own_fields_are_no_drift_and_a_preview_says_so(sut: Team) -> None:
    """What `sluice diff` prints is the API server's own word; nothing is written by it."""
    await by_hand(sut, "v1", "ConfigMap", {"metadata": {"annotations": {"leader": "me"}}}, "a-controller")
    one = Kustomization.parse(await sut.cluster.get(KUSTOMIZATION, "shop", sut.name))
    assert [each for each in await previewed(connections(), one) if each.lines or each.refused] == []
    sut.repository.write(
        {"config.yaml": MANIFESTS["config.yaml"].replace("value: git", "value: new"), "role.yaml": None}
    )
    sut.repository.write(
        {"bad.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 0}]}\n"}
    )
    found = {str(each.object): each for each in await previewed(connections(), one)}
    assert "+  value: new" in found[f"ConfigMap {sut.name}/a"].lines
    assert "-kind: Role" in found[f"Role {sut.name}/a"].lines
    assert "spec.ports[0].port" in found[f"Service {sut.name}/bad"].refused
    config = await sut.see("v1", "ConfigMap", "a")
    assert config
    assert config["data"]["value"] == "git"
    assert await events(sut, "Drift") == []
