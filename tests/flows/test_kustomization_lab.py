"""A Kustomization on a real API server: what only that can say of field managers, fixed fields, finalizers and readiness."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from blocks.kubernetes.kinds import KUSTOMIZATION
from flows.sync_source import sync_source
from sluice.errors import TerminalError
from tests.flows.lab_team import Team, team
from tests.flows.test_sync_source import config, synced

pytestmark = pytest.mark.lab
Object = dict[str, Any]


@pytest.fixture
async def sut(lab_env: dict[str, Any], prefect_engine: str, tmp_path: Path) -> AsyncIterator[Team]:
    async with team(lab_env, tmp_path / "git") as made:
        yield made


async def data(one: Team, name: str) -> Object | None:
    found = await one.see("v1", "ConfigMap", name)
    return found["data"] if found else None


async def test_what_kubectl_and_flux_have_set_is_taken_over(sut: Team) -> None:
    """A field that git does not name goes away; a manager of one's own keeps it; Merge keeps all."""
    merge = 'annotations: {"kustomize.toolkit.fluxcd.io/ssa": Merge}'
    sut.repository.write({"a.yaml": config("a"), "b.yaml": config("b"), "m.yaml": config("m", meta=merge)})
    old: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "namespace": sut.name}}
    await sut.cluster.apply({**old, "data": {"value": "0", "flux": "1"}}, manager="kustomize-controller")
    await sut.source()
    await sut.kustomization()
    assert "3 applied" in await synced(sut)
    kind = await sut.cluster.resource_for("v1", "ConfigMap")
    for name, manager in {"a": "kubectl-set", "m": "kubectl-edit"}.items():
        path, body = kind.path(sut.name, name), {"data": {"value": "by hand", "extra": "by hand"}}
        await sut.cluster.server.call("PATCH", path, {"fieldManager": manager}, body, "application/merge-patch+json")
    own = {"data": {"own": "kept"}}
    query = {"fieldManager": "flux-client-side-apply"}
    await sut.cluster.server.call("PATCH", kind.path(sut.name, "a"), query, own, "application/merge-patch+json")
    await sync_source(url=sut.url, ref="main", reapply=f"{sut.name}/shop")
    assert await data(sut, "a") == {"value": "1", "own": "kept"}
    assert await data(sut, "b") == {"value": "1"}
    assert await data(sut, "m") == {"value": "1", "extra": "by hand"}


async def test_a_fixed_field_and_the_end(sut: Team) -> None:
    """An immutable ConfigMap is made again where its user wishes; with the Kustomization goes what it applied."""
    force = 'annotations: {"kustomize.toolkit.fluxcd.io/force": enabled}'
    fixed = config("a", meta=force) + "immutable: true\n"
    sut.repository.write({"a.yaml": fixed})
    await sut.source()
    await sut.kustomization(wait=True)
    assert "1 applied" in await synced(sut)
    sut.repository.write({"a.yaml": fixed.replace("'1'", "'2'")})
    assert "1 applied" in await synced(sut)
    assert await data(sut, "a") == {"value": "2"}
    await sut.cluster.delete(KUSTOMIZATION, "shop", sut.name)
    found = await sut.see("kustomize.toolkit.fluxcd.io/v1", "Kustomization")
    assert found, "the finalizer keeps it"
    assert "1 pruned" in await sync_source(url=f"deleted/{sut.name}/shop", ref="", reapply=f"{sut.name}/shop")
    assert await data(sut, "a") is None
    assert await sut.see("kustomize.toolkit.fluxcd.io/v1", "Kustomization") is None


async def test_a_job_that_fails_is_named(sut: Team) -> None:
    """`wait` on what never runs here: the timeout names it, and nothing says that it was applied well."""
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  activeDeadlineSeconds: 1\n  template:\n    spec:\n"
        "      restartPolicy: Never\n      containers: [{name: a, image: 'none.invalid/a:1'}]\n"
    )
    sut.repository.write({"j.yaml": job})
    await sut.source()
    await sut.kustomization(wait=True, timeout="30s")
    with pytest.raises(TerminalError, match=r"health check failed.*Job .*/j"):
        await synced(sut)
    assert (await sut.ready())[:2] == ("False", "HealthCheckFailed")
