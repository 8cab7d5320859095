"""Regions on a real API server: each by the kubeconfig of a Secret, the second one when the first has released."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY, NAMESPACE, WORKLOAD_KINDS
from flows.sync_source import sync_source
from lab.api.access import Access
from sluice.errors import TerminalError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.workloads import WORKLOADS
from tests.flows.lab_team import Team, team
from tests.flows.test_sync_source import deployment

pytestmark = pytest.mark.lab
REGIONS = ("east", "west")
SHOP = """apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop}
spec:
  provider: gatewayapi:v1
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  service: {port: 80}
  analysis: {interval: 10s, threshold: 2, stepWeights: [50]}
"""


def way_in(kubeconfig: Path) -> str:
    """A kubeconfig that is whole in itself, as other clusters' are."""
    access = Access.of(kubeconfig)

    def text(file: str) -> str:
        return base64.b64encode(Path(file).read_bytes()).decode()

    cluster = {"server": access.server, "certificate-authority-data": text(access.authority)}
    user = {"client-certificate-data": text(access.certificate), "client-key-data": text(access.key)}
    context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    clusters, users = [{"name": "it", "cluster": cluster}], [{"name": "it", "user": user}]
    whole = {"clusters": clusters, "users": users, "contexts": [context], "current-context": "it"}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Config"} | whole)


@pytest.fixture
async def sut(lab_env: dict[str, Any], prefect_engine: str, tmp_path: Path) -> AsyncIterator[Team]:
    """A team with two regions, which are namespaces of the lab's one cluster that is reached in two ways."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(team(lab_env, tmp_path / "git"))
        stack.push_async_callback(connections().tenants.close)
        await one.source()
        for name in REGIONS:
            where = f"{one.name}-{name}"
            await one.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": where}})
            stack.push_async_callback(one.cluster.delete, NAMESPACE, where)
            secret = {"value": way_in(Path(lab_env["kubeconfig"]))}
            meta = {"name": name, "namespace": one.name}
            await one.cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": secret})
            release = {"apiVersion": CANARY.api_version, "kind": "Canary", "name": "shop", "namespace": where}
            needs: dict[str, Any] = {"dependsOn": [{"name": "east"}]} if name == "west" else {}
            kubeconfig: dict[str, Any] = {"kubeConfig": {"secretRef": {"name": name}}, "targetNamespace": where}
            await one.kustomization(name=name, healthChecks=[release], timeout="2m", **kubeconfig, **needs)
        yield one


async def image(one: Team, region: str) -> str:
    """The version that a region was given; empty where it has none."""
    target = await one.cluster.find(WORKLOAD_KINDS["Deployment"], "shop", f"{one.name}-{region}")
    return str(target["spec"]["template"]["spec"]["containers"][0]["image"]) if target else ""


async def ended(one: Team, region: str, version: str, phase: str) -> None:
    """What a region's own sluice does: once it has the version its release comes to an end."""
    where = f"{one.name}-{region}"
    async with asyncio.timeout(60):
        while await image(one, region) != version or await one.cluster.find(CANARY, "shop", where) is None:
            await asyncio.sleep(0.2)
    target = await one.cluster.get(WORKLOAD_KINDS["Deployment"], "shop", where)
    canary = Canary.parse(await one.cluster.get(CANARY, "shop", where))
    revision = WORKLOADS["Deployment"].revision(canary, target)
    promoted = {} if phase == "Failed" else {"lastPromotedSpec": revision}
    said = [{"type": "Promoted", "status": "False", "reason": phase, "message": "p99 too high"}]
    status = {"phase": phase, "lastAppliedSpec": revision, "conditions": said, **promoted}
    await one.cluster.patch(CANARY, "shop", where, {"status": status}, subresource="status")


async def test_a_version_goes_from_region_to_region_and_a_bad_one_stops(sut: Team) -> None:
    """One flow for both; the second region never sees what the first one has rolled back, and git's way back is ready."""
    first, second = "none.invalid/shop:1", "none.invalid/shop:2"
    sut.repository.write({"canary.yaml": SHOP, "target.yaml": deployment(0, first)})
    run = asyncio.create_task(sync_source(url=sut.url, ref="main"))
    await ended(sut, "east", first, "Initialized")
    await ended(sut, "west", first, "Initialized")
    assert str(await run).count("2 applied") == 2
    sut.repository.write({"target.yaml": deployment(0, second)})
    run = asyncio.create_task(sync_source(url=sut.url, ref="main"))
    await ended(sut, "east", second, "Failed")
    with pytest.raises(TerminalError, match=r"Canary .*/shop status: 'Failed' \(p99 too high\)"):
        await run
    assert (await sut.ready(name="west"))[:2] == ("False", "DependencyNotReady")
    assert await image(sut, "west") == first
    sut.repository.write({"target.yaml": deployment(0, first)})
    assert str(await sync_source(url=sut.url, ref="main")).count("2 applied") == 2
    assert (await sut.ready(name="east"))[0] == (await sut.ready(name="west"))[0] == "True"
