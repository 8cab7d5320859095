"""A release whose worker lacks a right, on real pods and a real route, with the token of a service account."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.gates.table import Gates
from blocks.kubernetes import informers
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import DEPLOYMENT
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.metrics.providers import Providers
from blocks.routers import router_for
from deployments.rights.part import Part
from sluice.errors import SluiceError
from tests.deployments.rights.accounts import Accounts, Lacking
from tests.flows.lab_app import App, app, push_images, wired

pytestmark = pytest.mark.lab
Object = dict[str, Any]
PATIENCE = 40.0
LINGERS = 1.0
"""Seconds that a release which cannot go on is watched for, after it said so."""
DECISIVE = [
    Lacking(Part.WORKER, verb, resource)
    for verb, resource in (
        ("patch", "canaries/status.flagger.app"),
        ("list", "pods"),
        ("list", "endpointslices.discovery.k8s.io"),
        ("update", "leases.coordination.k8s.io"),
        ("patch", "deployments.apps"),
        ("patch", "httproutes.gateway.networking.k8s.io"),
    )
]
"""The journal, readiness, what is offered, the one actor, scaling, the shift: each comes before any user is moved."""


@asynccontextmanager
async def acting_as(accounts: Accounts, lacking: Lacking) -> AsyncIterator[Connections]:
    """Connections as a worker in a pod has them, with the account's token."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        cluster = await accounts.connect(lacking)
        stack.push_async_callback(cluster.close)
        identity = process_identity(f"w{uuid4().hex[:5]}")
        it = Connections(
            cluster=cluster,
            router=router_for,
            metrics=Providers(http, {"prometheus": accounts.env["prometheus_url"]}),
            gates=Gates(http),
            informers=await stack.enter_async_context(informed(cluster, (accounts.namespace,))),
            lease=await stack.enter_async_context(kept(cluster, accounts.namespace, identity)),
            workers=Workers(cluster),
        )
        stack.enter_context(in_this_process(it))
        yield it


async def pushed(it: App, admin: Cluster, number: int) -> None:
    """Another revision, of the same image."""
    template = {"metadata": {"annotations": {"number": str(number)}}}
    await admin.patch(DEPLOYMENT, "shop", it.namespace, {"spec": {"template": template}})


async def attempted(it: App, caplog: pytest.LogCaptureFixture, wanted: str) -> str:
    """What a release came to, as far as it could go: its end, or that the right is missed."""
    running = it.start()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while not running.done() and wanted not in caplog.text:
                await asyncio.sleep(0.1)
    if not running.done():
        await asyncio.sleep(LINGERS)
        running.cancel()
    said = ""
    try:
        said = await running
    except (asyncio.CancelledError, SluiceError) as error:
        said = str(error)
    return f"{said} {caplog.text} {(await it.canary()).get('status')}"


async def test_a_release_that_lacks_a_right_moves_nobody_says_which_and_is_made_once_it_is_given(
    lab_env: Object,
    prefect_engine: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One right after the other, of one application with users; none of them loses a request."""
    monkeypatch.setattr(informers, "SYNC_WITHIN", 2.0)
    caplog.set_level(logging.WARNING)
    push_images(lab_env)
    async with AsyncExitStack() as stack:
        mine = await stack.enter_async_context(wired(lab_env))
        with in_this_process(mine):
            it = await stack.enter_async_context(app(lab_env, mine.cluster, "rights", tmp_path, {}))
        accounts = Accounts(lab_env, it.namespace, tmp_path)
        everything = Lacking(Part.WORKER)
        await accounts.give(mine.cluster, [everything, *DECISIVE])
        for number, lacking in enumerate(DECISIVE):
            await pushed(it, mine.cluster, number)
            caplog.clear()
            wanted = f'cannot {lacking.verb} resource "{lacking.resource.partition(".")[0]}"'
            async with acting_as(accounts, lacking):
                said = await attempted(it, caplog, wanted)
            assert wanted in said, lacking
            assert "sluice doctor" in said, lacking
            assert set(it.values("weight")) <= {0}, (lacking, it.values("weight"))
        await it.set_image("1.1.0")
        async with acting_as(accounts, everything):
            assert (await it.start()).startswith("promoted")
        assert await it.image("shop-primary") == "1.1.0"
        assert [request for request in it.users.read() if request.failed] == []
