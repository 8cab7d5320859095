"""Rights on a real API server with RBAC: a service account that has what the table says, and one that lacks one of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.gates.table import Gates
from blocks.kubernetes import informers
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import NAMESPACE
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.metrics.providers import Providers
from blocks.routers import router_for
from deployments.rights.manifests import API, rules
from deployments.rights.part import Part
from deployments.rights.review import Reviewer
from deployments.rights.table import Right, Where, rights_of
from sluice.errors import SluiceError, TerminalError
from tests.flows.lab_app import App, app, push_images, wired

pytestmark = pytest.mark.lab
Object = dict[str, Any]
NEW = "1.1.0"
PATIENCE = 60.0
Lacking = tuple[str, str]
"""Verb, and resource with its group."""
RIGHTS = [right for where in (Where.EVERYWHERE, Where.OWN) for right in rights_of((Part.WORKER,), where)]
EACH = sorted({(verb, str(right)) for right in RIGHTS for verb in right.verbs})


def without(lacking: Lacking | None) -> list[Object]:
    """The rules of a Role that gives everything but one right."""
    kept_ones = []
    for right in RIGHTS:
        verbs = tuple(verb for verb in right.verbs if (verb, str(right)) != lacking)
        if verbs:
            kept_ones.append(Right(right.kind, verbs, right.why, subresource=right.subresource))
    return rules(kept_ones)


@dataclass
class Account:
    """A service account in one namespace; its Role is what `allow` says."""

    admin: Cluster
    env: Object
    namespace: str
    kubeconfig: Path

    async def allow(self, lacking: Lacking | None) -> None:
        meta = {"name": "worker", "namespace": self.namespace}
        await self.admin.apply({"apiVersion": API, "kind": "Role", "metadata": meta, "rules": without(lacking)})

    async def install(self) -> None:
        meta = {"name": "worker", "namespace": self.namespace}
        await self.admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        await self.allow(None)
        role = {"apiGroup": API.partition("/")[0], "kind": "Role", "name": "worker"}
        subject = {"kind": "ServiceAccount", **meta}
        await self.admin.create(
            {"apiVersion": API, "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": [subject]}
        )
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/worker/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        token = (await self.admin.server.call("POST", path, body=asked))["status"]["token"]
        await asyncio.to_thread(self._write, token)

    def _write(self, token: str) -> None:
        config = yaml.safe_load(Path(self.env["kubeconfig"]).read_text())
        config["users"][0]["user"] = {"token": token}
        self.kubeconfig.write_text(yaml.safe_dump(config))

    async def connect(self) -> Cluster:
        return await Cluster.connect(str(self.kubeconfig), self.env["context"], namespaces=(self.namespace,))


@pytest.fixture
async def admin(lab_env: Object) -> AsyncIterator[Cluster]:
    cluster = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"])
    yield cluster
    await cluster.close()


async def said_by(reviewer: Reviewer) -> str:
    try:
        return await reviewer.ping()
    except TerminalError as error:
        return str(error)


async def test_the_doctor_names_each_right_that_is_taken_away(lab_env: Object, admin: Cluster, tmp_path: Path) -> None:
    """One after the other, on the real authorizer, with the words that say what it is for."""
    namespace = f"rights-{uuid4().hex[:6]}"
    await admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    account = Account(admin, lab_env, namespace, tmp_path / "kubeconfig")
    try:
        await account.install()
        cluster = await account.connect()
        reviewer = Reviewer(cluster, namespace, (Part.WORKER,))
        try:
            for lacking in (None, *EACH, None):
                await account.allow(lacking)
                said = await settled(reviewer, lacking)
                assert told_alone(said, lacking), (lacking, said)
        finally:
            await cluster.close()
    finally:
        await admin.delete(NAMESPACE, namespace)


async def settled(reviewer: Reviewer, lacking: Lacking | None) -> str:
    """What the doctor says once the authorizer knows the new rules, or after a while whatever it says."""
    said = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while not told_alone(said := await said_by(reviewer), lacking):
                await asyncio.sleep(0.05)
    return said


def told_alone(said: str, lacking: Lacking | None) -> bool:
    """Whether this right is the only one that is missing, and has its reason."""
    if lacking is None:
        return said.startswith("all ")
    missing = said.partition("are missing: ")[2].split("; ")
    return all(one.startswith(f"{lacking[0]} {lacking[1]} in ") and one.endswith(")") for one in missing)


@asynccontextmanager
async def acting_as(account: Account) -> AsyncIterator[Connections]:
    """Connections as a worker in a pod has them, with the account's token."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        cluster = await account.connect()
        stack.push_async_callback(cluster.close)
        it = Connections(
            cluster=cluster,
            router=router_for,
            metrics=Providers(http, {"prometheus": account.env["prometheus_url"]}),
            gates=Gates(http),
            informers=await stack.enter_async_context(informed(cluster, (account.namespace,))),
            lease=await stack.enter_async_context(
                kept(cluster, account.namespace, process_identity(f"w{uuid4().hex[:5]}"))
            ),
            workers=Workers(cluster),
        )
        stack.enter_context(in_this_process(it))
        yield it


DECISIVE = {
    "the shift": ("patch", "httproutes.gateway.networking.k8s.io"),
    "scaling": ("patch", "deployments.apps"),
    "the journal": ("patch", "canaries/status.flagger.app"),
    "endpoints": ("list", "endpointslices.discovery.k8s.io"),
    "readiness": ("list", "pods"),
    "the lease": ("update", "leases.coordination.k8s.io"),
}


async def attempted(it: App, account: Account, caplog: pytest.LogCaptureFixture, wanted: str) -> str:
    """What a release came to, as far as it could go: its end, or that the right is missed in the log."""
    async with acting_as(account):
        running = it.start()
        async with asyncio.timeout(PATIENCE):
            while not running.done() and wanted not in caplog.text:
                await asyncio.sleep(0.1)
        if not running.done():
            await asyncio.sleep(1.0)
            running.cancel()
        with suppress(asyncio.CancelledError, SluiceError):
            return str(await running)
        status = (await it.canary()).get("status") or {}
        error = "" if running.cancelled() else str(running.exception())
        return f"{error} {caplog.text} {status}"


@pytest.mark.parametrize("lacking", DECISIVE.values(), ids=DECISIVE)
async def test_a_release_that_lacks_a_right_moves_nobody_and_says_which(
    lab_env: Object,
    admin: Cluster,
    prefect_engine: str,
    tmp_path: Path,
    lacking: Lacking,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On real pods and a real route, with the token of a service account."""
    monkeypatch.setattr(informers, "SYNC_WITHIN", 2.0)
    caplog.set_level(logging.WARNING)
    push_images(lab_env)
    async with AsyncExitStack() as stack:
        with in_this_process(await stack.enter_async_context(wired(lab_env))):
            it = await stack.enter_async_context(app(lab_env, admin, "rights", tmp_path, {}))
        account = Account(admin, lab_env, it.namespace, tmp_path / "kubeconfig")
        await account.install()
        await account.allow(lacking)
        await it.set_image(NEW)
        resource = lacking[1].partition(".")[0]
        wanted = f'cannot {lacking[0]} resource "{resource}"'
        said = await attempted(it, account, caplog, wanted)
        assert wanted in said
        assert "sluice doctor" in said
        assert set(it.values("weight")) <= {0}, it.values("weight")
        assert await it.image("shop-primary") == "1.0.0"
