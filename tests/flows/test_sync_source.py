"""sync_source on the lab: the cluster comes to what git says, and its owners' wishes are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from blocks.kubernetes.kinds import CANARY
from flows.sync_source import sync_source
from sluice.errors import InvalidError, NotFoundError
from tasks.sync.fetch_source import fetch_source
from tasks.sync.find_due import find_due
from tasks.sync.kustomizations.sync import sync_kustomization
from tests.flows.lab_team import Team, team

pytestmark = pytest.mark.lab
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
DISABLED = f'annotations: {{"{KUSTOMIZE}/reconcile": disabled}}'


@pytest.fixture
async def sut(lab_env: dict[str, Any], prefect_engine: str, tmp_path: Path) -> AsyncIterator[Team]:
    async with team(lab_env, tmp_path / "git") as made:
        yield made


def config(name: str, value: str = "1", meta: str = "") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  {meta}\ndata: {{value: '{value}'}}\n"


def deployment(replicas: int, image: str) -> str:
    return (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n"
        f"spec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: shop}}}}\n  template:\n"
        f"    metadata: {{labels: {{app: shop}}}}\n    spec: {{containers: [{{name: shop, image: '{image}'}}]}}\n"
    )


async def value(one: Team, name: str) -> str | None:
    found = await one.see("v1", "ConfigMap", name)
    return found["data"]["value"] if found else None


async def synced(one: Team) -> str:
    said: str = await sync_source(url=one.url, ref="main")
    return said


async def test_the_cluster_comes_to_what_git_says(sut: Team) -> None:
    """Applied, recorded, pruned; a sync of the same revision writes nothing; a failure changes nothing and is told."""
    sut.repository.write({"a.yaml": config("a"), "b.yaml": config("b"), "gone.yaml": config("gone")})
    await sut.source()
    await sut.kustomization(interval="5m")
    assert await synced(sut) == f"synced: {sut.name}/shop: 3 applied, 0 pruned, 0 left alone"
    revision = f"main@sha1:{sut.repository.head()}"
    seen = await sut.see(f"{KUSTOMIZE}/v1", "Kustomization")
    assert seen
    assert seen["status"]["lastAppliedRevision"] == revision
    assert [one["id"] for one in seen["status"]["inventory"]["entries"]] == [
        f"{sut.name}_{name}__ConfigMap" for name in ("a", "b", "gone")
    ]
    said = {one["type"]: one["message"] for one in seen["status"]["conditions"]}
    assert said == {"Ready": f"Applied revision: {revision}"}

    assert (await synced(sut)).startswith("unchanged: ")
    again = await sut.see(f"{KUSTOMIZE}/v1", "Kustomization")
    assert again
    assert again["metadata"]["resourceVersion"] == seen["metadata"]["resourceVersion"]

    sut.repository.write({"gone.yaml": None, "a.yaml": config("a", "2")})
    assert "2 applied, 1 pruned" in await synced(sut)
    assert (await value(sut, "a"), await value(sut, "gone")) == ("2", None)

    sut.repository.write({"a.yaml": config("a", "3"), "b.yaml": None, "bad.yaml": "a: [1\n"})
    with pytest.raises(InvalidError, match=r"bad\.yaml"):
        await synced(sut)
    status, reason, message = await sut.ready()
    assert (status, reason) == ("False", "BuildFailed")
    assert "bad.yaml" in message
    assert (await value(sut, "a"), await value(sut, "b")) == ("2", "1"), "a broken source changed the cluster"

    sut.repository.write({"bad.yaml": None})
    assert "1 applied, 1 pruned" in await synced(sut)
    assert (await sut.ready())[0] == "True"


async def test_what_users_want_left_alone_is_left_alone(sut: Team) -> None:
    """By an annotation in git or in the cluster: neither changed nor deleted; `prune: disabled`: not deleted."""
    sut.repository.write({f"{name}.yaml": config(name) for name in ("in-git", "live", "plain")})
    sut.repository.write({"kept.yaml": config("kept", meta=f'labels: {{"{KUSTOMIZE}/prune": disabled}}')})
    await sut.source()
    await sut.kustomization()
    assert "4 applied" in await synced(sut)
    wish = {"metadata": {"annotations": {f"{KUSTOMIZE}/reconcile": "disabled"}}}
    kind = await sut.cluster.resource_for("v1", "ConfigMap")
    await sut.cluster.patch(kind, "live", sut.name, wish)
    changed = {"in-git.yaml": config("in-git", "2", DISABLED), "live.yaml": config("live", "2")}
    sut.repository.write(changed | {"plain.yaml": config("plain", "2"), "kept.yaml": None})
    assert "1 applied, 0 pruned, 2 left alone" in await synced(sut)
    assert [await value(sut, name) for name in ("in-git", "live", "plain", "kept")] == ["1", "1", "2", "1"]


async def test_a_rollouts_target_keeps_its_replicas(sut: Team) -> None:
    """A Canary that was taken up owns the number: git's new image is applied, git's replicas are not."""
    canary = (
        "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: shop}\nspec:\n"
        "  suspend: true\n  provider: gatewayapi:v1\n  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}\n"
        "  service: {port: 80}\n  analysis: {interval: 10s, threshold: 2, stepWeights: [50]}\n"
    )
    sut.repository.write({"d.yaml": deployment(2, "none.invalid/a:1"), "c.yaml": canary})
    await sut.source()
    await sut.kustomization()
    assert "2 applied" in await synced(sut)
    status = {"status": {"phase": "Initialized", "canaryWeight": 0}}
    await sut.cluster.patch(CANARY, "shop", sut.name, status, subresource="status")
    scale = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": sut.name}}
    await sut.cluster.apply({**scale, "spec": {"replicas": 0}}, manager="sluice-rollout")
    for number in (2, 3):
        sut.repository.write({"d.yaml": deployment(5, f"none.invalid/a:{number}")})
        assert "2 applied" in await synced(sut)
        seen = await sut.see("apps/v1", "Deployment")
        assert seen
        assert seen["spec"]["replicas"] == 0
        assert seen["spec"]["template"]["spec"]["containers"][0]["image"] == f"none.invalid/a:{number}"


async def test_a_definition_and_its_objects_come_in_one_commit(sut: Team) -> None:
    """The objects wait until the API server serves their kind; when all of it leaves, nothing is stuck."""
    group = f"{sut.name}.example.com"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = f"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: things.{group}}}
spec:
  group: {group}
  names: {{kind: Thing, plural: things, singular: thing, listKind: ThingList}}
  scope: Namespaced
  versions: [{{name: v1, served: true, storage: true, schema: {schema}}}]
""".replace("True", "true")
    sut.repository.write({"thing.yaml": f"apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: one}}\n"})
    sut.repository.write({"crd.yaml": definition})
    await sut.source()
    await sut.kustomization()
    assert "2 applied" in await synced(sut)
    assert await sut.see(f"{group}/v1", "Thing", "one")
    sut.repository.write({"thing.yaml": None, "crd.yaml": None, "a.yaml": config("a")})
    assert "1 applied, 2 pruned" in await synced(sut)


async def test_one_broken_part_does_not_stop_the_others(sut: Team) -> None:
    """Directories and sources are their owners' own: the others are synced, the broken one says why."""
    sut.repository.write({"good/a.yaml": config("a"), "bad/b.yaml": "kind: Nothing\n"})
    await sut.source()
    await sut.source("locked", secretRef={"name": "not-there"})
    await sut.kustomization("bad", "bad")
    await sut.kustomization("good", "good")
    with pytest.raises(InvalidError):
        await synced(sut)
    assert await value(sut, "a") == "1"
    assert (await sut.ready(name="good"))[0] == "True"
    assert (await sut.ready(name="bad"))[:2] == ("False", "BuildFailed")
    status, reason, message = await sut.ready("GitRepository", "locked")
    assert (status, reason) == ("False", "GitOperationFailed")
    assert "not-there" in message


async def test_a_branch_that_is_not_there_is_told_on_its_source(sut: Team) -> None:
    """A spelling mistake ends the run with its reason, and the source shows the same to whoever looks."""
    sut.repository.write({"a.yaml": config("a")})
    await sut.source(ref={"branch": "mian"})
    with pytest.raises(NotFoundError, match="mian"):
        await sync_source(url=sut.url, ref="mian")
    status, reason, message = await sut.ready("GitRepository")
    assert (status, reason) == ("False", "GitOperationFailed")
    assert "mian" in message
    assert (await synced(sut)).startswith("ignored: no source follows main")


async def test_a_late_retry_does_not_take_a_newer_sync_back(sut: Team) -> None:
    """It was called for an older commit, and ran when another sync had brought a newer one: the newer stays."""
    older = sut.repository.write({"a.yaml": config("a", "1")})
    await sut.source()
    await sut.kustomization()
    fetched = await fetch_source(sut.url, "main")
    (late,) = await find_due(fetched)
    assert late.source.commit == older
    sut.repository.write({"a.yaml": config("a", "2")})
    assert "1 applied" in await synced(sut)
    assert (await sync_kustomization(late)).applied == 0
    assert await value(sut, "a") == "2"
    # What it brings is the branch as it is, also where it is the first to come.
    newest = sut.repository.write({"a.yaml": config("a", "3")})
    assert (await sync_kustomization(late)).applied == 1
    assert await value(sut, "a") == "3"
    seen = await sut.see(f"{KUSTOMIZE}/v1", "Kustomization")
    assert seen
    assert seen["status"]["lastAppliedRevision"] == f"main@sha1:{newest}"


async def test_two_syncs_at_once_end_with_the_newest(sut: Team) -> None:
    """Whichever applied last, the cluster is at the branch's newest commit when both have ended."""
    sut.repository.write({f"{number}.yaml": config(f"c-{number}", "1") for number in range(5)})
    await sut.source()
    await sut.kustomization()
    first = asyncio.create_task(synced(sut))
    await asyncio.sleep(0.1)
    newest = sut.repository.write({f"{number}.yaml": config(f"c-{number}", "2") for number in range(5)})
    await asyncio.gather(first, synced(sut))
    assert [await value(sut, f"c-{number}") for number in range(5)] == ["2"] * 5
    seen = await sut.see(f"{KUSTOMIZE}/v1", "Kustomization")
    assert seen
    assert seen["status"]["lastAppliedRevision"] == f"main@sha1:{newest}"


async def test_a_source_that_follows_no_branch_is_not_moved_by_one(sut: Team) -> None:
    """Pinned to a tag, it stays where it is when `master` moves; a tag that is not there is named on it."""
    sut.repository.write({"a.yaml": config("a")})
    await sut.source(ref={"tag": "v1"})
    await sut.kustomization()
    assert (await sync_source(url=sut.url, ref="main", return_state=True)).message.startswith("ignored")
    assert await value(sut, "a") is None
    with pytest.raises(NotFoundError, match="refs/tags/v1"):
        await sync_source(url=sut.url, ref="refs/tags/v1")
    status, _, message = await sut.ready("GitRepository")
    assert status == "False"
    assert "refs/tags/v1" in message


async def test_what_cannot_be_left_out_stops_the_sync(sut: Team) -> None:
    """Objects for another cluster do not come into this one."""
    sut.repository.write({"a.yaml": config("a")})
    await sut.source()
    await sut.kustomization(kubeConfig={"secretRef": {"name": "elsewhere"}})
    with pytest.raises(NotFoundError, match=r"spec\.kubeConfig"):
        await synced(sut)
    assert await value(sut, "a") is None
    status, _, message = await sut.ready()
    assert status == "False"
    assert "spec.kubeConfig" in message


async def test_only_what_we_applied_is_pruned(sut: Team) -> None:
    """Git named an object that the API server refused to be changed; when it leaves git, its owner keeps it."""
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": sut.name}}
    await sut.cluster.create({**theirs, "immutable": True, "data": {"value": "1"}})
    sut.repository.write({"theirs.yaml": config("theirs", "2"), "a.yaml": config("a")})
    await sut.source()
    await sut.kustomization()
    with pytest.raises(InvalidError, match="immutable"):
        await synced(sut)
    sut.repository.write({"theirs.yaml": None})
    assert "0 pruned" in await synced(sut)
    assert await value(sut, "theirs") == "1"
