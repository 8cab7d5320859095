"""What is in git is applied with the rights of the component `sync`, and without them people read which are missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.connections import connected, connections
from deployments.rights.manifests import API
from deployments.rights.part import Part
from flows.sync_source import sync_source
from tests.deployments.rights.accounts import Accounts, Lacking
from tests.deployments.rights.test_table import CHECKOUT
from tests.flows.lab_team import Team, team
from tests.flows.test_sync_source import config, value
from tests.samples import canary_manifest

pytestmark = pytest.mark.lab
Object = dict[str, Any]
ROLES = CHECKOUT / "deployments" / "kubernetes" / "base" / "sync.yaml"
WORKER = Lacking(Part.WORKER)


def component() -> list[Object]:
    """The rules that the component binds."""
    roles = [one for one in yaml.safe_load_all(ROLES.read_text()) if one["kind"] == "ClusterRole"]
    return [rule for role in roles for rule in role["rules"]]


@asynccontextmanager
async def as_the_worker(it: Team, accounts: Accounts) -> AsyncIterator[None]:
    """With the rights of the manifests, as a worker in a pod has them."""
    cluster = await accounts.connect(WORKER)
    try:
        wired = copy(connections())
        wired.cluster = cluster
        with connected(wired):
            yield
    finally:
        await cluster.close()


async def test_a_sync_has_the_rights_of_its_component_and_says_so_where_it_lacks_them(
    lab_env: Object, prefect_engine: str, tmp_path: Path
) -> None:
    """Applied, changed and pruned with them; without, nothing is written but the condition, which names the way out."""
    async with team(lab_env, tmp_path / "git") as it:
        accounts = Accounts(lab_env, it.name, tmp_path)
        await accounts.give(it.cluster, [WORKER])
        canary = canary_manifest() | {"metadata": {"name": "shop"}}
        it.repository.write({"a.yaml": config("a"), "b.yaml": config("b"), "canary.yaml": yaml.safe_dump(canary)})
        await it.source()
        await it.kustomization(interval="5m")
        async with as_the_worker(it, accounts):
            await sync_source(url=it.url, ref="main", return_state=True)
        status, _, message = await it.ready()
        assert status == "False"
        assert 'resource "configmaps"' in message
        assert "cannot " in message
        assert f'in the namespace "{it.name}"' in message
        assert "the component `sync`" in message
        assert [await value(it, name) for name in ("a", "b")] == [None, None]

        meta = {"name": "sync", "namespace": it.name}
        await it.cluster.create({"apiVersion": API, "kind": "Role", "metadata": meta, "rules": component()})
        role = {"apiGroup": API.partition("/")[0], "kind": "Role", "name": "sync"}
        subject = {"kind": "ServiceAccount", "name": WORKER.account, "namespace": it.name}
        await it.cluster.create(
            {"apiVersion": API, "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": [subject]}
        )
        it.repository.write({"a.yaml": config("a", "2"), "b.yaml": None})
        async with as_the_worker(it, accounts):
            await sync_source(url=it.url, ref="main", return_state=True)
        assert (await it.ready())[0] == "True", await it.ready()
        assert [await value(it, name) for name in ("a", "b")] == ["2", None]
        it.repository.write({"a.yaml": None})
        async with as_the_worker(it, accounts):
            await sync_source(url=it.url, ref="main", return_state=True)
        assert (await it.ready())[0] == "True", await it.ready()
        assert await value(it, "a") is None
