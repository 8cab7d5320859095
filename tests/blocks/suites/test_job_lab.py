"""A suite that is a Job on a real cluster: the API server takes it once, and the kubelet says why it does not start."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import JOB, NAMESPACE
from blocks.suites.base import Launch, Reach
from blocks.suites.job import STUCK, JobRunner
from sluice.gates.suite import Outcome
from sluice.manifests.own.gate import Gate

pytestmark = pytest.mark.lab
LATER = STUCK + 300
"""Seconds by which the second look comes later, by the clock that it is given."""


def launch(namespace: str) -> Launch:
    """An attempt whose image is nowhere."""
    pod = {"spec": {"containers": [{"name": "suite", "image": "nowhere.invalid/e2e:7"}]}}
    spec = {"suite": {"job": {"template": {"template": pod}}}}
    gate, now = Gate.parse({"metadata": {"name": "e2e", "namespace": namespace}, "spec": spec}), time.time()
    key = f"sluice-{secrets.token_hex(10)}-1"
    return Launch(gate, key, now, now, {"canary": "shop", "version": "1.1.0", "key": key})


def test_a_job_is_made_once_and_an_image_that_is_nowhere_is_infrastructure(lab_env: dict[str, Any]) -> None:
    """By the API server's and the kubelet's own words."""

    async def it() -> None:
        cluster = await Cluster.connect(lab_env["kubeconfig"])
        namespace = f"suites-{secrets.token_hex(4)}"
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        try:
            async with httpx.AsyncClient() as http:
                await _lived(JobRunner(Reach(cluster, http)), launch(namespace), cluster)
        finally:
            await cluster.delete(NAMESPACE, namespace)
            await cluster.close()

    asyncio.run(it())


async def _lived(runner: JobRunner, one: Launch, cluster: Cluster) -> None:
    assert await runner.find(one) is None
    first, second = await runner.start(one), await runner.start(one)
    assert first == second == await runner.find(one)
    assert len(await cluster.list(JOB, one.gate.namespace)) == 1
    found = await runner.progress(one, one.key)
    assert found.outcome is Outcome.RUNNING
    async with asyncio.timeout(60):
        while found.outcome is Outcome.RUNNING:
            await asyncio.sleep(0.5)
            found = await runner.progress(replace(one, now=one.now + LATER), one.key)
    assert "does not start: " in found.said
    await runner.cancel(one, one.key)
    assert await runner.find(one) is None
