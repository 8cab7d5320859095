"""reconcile on the lab: what no notification told of is found, said once, and not said again when it was done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from blocks.kubernetes.kinds import CANARY, IMAGE_POLICY, IMAGE_REPOSITORY
from flows.deliver_image import deliver_image
from flows.sync_source import sync_source
from sluice.events.model import ImagePushed, SourceChanged
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from tasks.images.poll import NOTHING, poll
from tasks.sync import find_moved_sources
from tasks.upkeep import find_orphans
from tasks.upkeep.pace import Pace
from tests.flows.lab_team import Team, team
from tests.samples import canary_manifest, deployment

pytestmark = pytest.mark.lab
IMAGE_API = "image.toolkit.fluxcd.io/v1"


@pytest.fixture
async def sut(
    lab_env: dict[str, Any], prefect_engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Team]:
    """A team with a source, an image policy and a Kustomization, whose intervals are always over."""
    for module in (find_moved_sources,):
        monkeypatch.setattr(module, "pace", Pace(clock=iter(range(0, 10**9, 10**5)).__next__))
    async with team(lab_env, tmp_path / "git") as made:
        await made.apply("ImageRepository", IMAGE_API, {"image": made.image, "insecure": True})
        policy = {"imageRepositoryRef": {"name": "shop"}, "policy": {"semver": {"range": ">=1.0.0"}}}
        await made.apply("ImagePolicy", IMAGE_API, policy)
        await made.source()
        made.repository.write({"apps/map.yaml": config_map("1")})
        await made.kustomization("apps", targetNamespace=made.name)
        yield made


def config_map(value: str) -> str:
    return f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: shop}}\ndata: {{value: "{value}"}}\n'


async def pushes(one: Team) -> list[ImagePushed]:
    repository = ImageRepository.parse(await one.cluster.get(IMAGE_REPOSITORY, "shop", one.name))
    policies = ImagePolicy.valid(await one.cluster.list(IMAGE_POLICY, one.name))
    return list((await poll(repository, policies, NOTHING, 0.0)).events)


async def moves(one: Team) -> list[SourceChanged]:
    found = await find_moved_sources.find_moved_sources.fn()
    return [event for event in found if event.url == one.url and event.commit]


async def test_a_push_that_no_notification_told_of_is_found_once(sut: Team) -> None:
    """However often anybody looks, it is the same event; delivered, it is none any more; a moved tag is one again."""
    digest = sut.push("1.2.0")
    (first,), (again,) = await pushes(sut), await pushes(sut)
    assert (first.tag, first.digest, first.id) == ("1.2.0", digest, again.id)
    await deliver_image(image=first.image, tag=first.tag, digest=first.digest)
    assert await pushes(sut) == []
    moved = sut.push("1.2.0", about="built again")
    (other,) = await pushes(sut)
    assert other.digest == moved
    assert other.id != first.id


async def test_a_commit_that_no_webhook_told_of_is_found_once(sut: Team) -> None:
    """And a branch that is put back to an older commit is found, too: each move is a move."""
    (first,), (again,) = await moves(sut), await moves(sut)
    assert (first.commit, first.id) == (sut.repository.head(), again.id)
    await sync_source(url=first.url, ref=first.ref)
    assert await moves(sut) == []
    sut.repository.write({"apps/map.yaml": config_map("2")})
    (second,) = await moves(sut)
    assert second.commit == sut.repository.head()
    assert second.id != first.id


async def test_what_somebody_changed_by_hand_is_put_right(sut: Team) -> None:
    """A Kustomization is applied again when its interval is over, though git has not moved."""
    await sync_source(url=sut.url, ref="main")
    kind = await sut.cluster.resource_for("v1", "ConfigMap")
    await sut.cluster.patch(kind, "shop", sut.name, {"data": {"value": "by hand"}})
    found = await find_moved_sources.find_moved_sources.fn()
    (drift,) = [event for event in found if event.url == sut.url and event.reapply]
    assert drift.reapply == f"{sut.name}/shop"
    await sync_source(**drift.payload)
    assert (await sut.cluster.get(kind, "shop", sut.name))["data"] == {"value": "1"}


async def test_a_rollout_that_nobody_carries_is_found_and_one_that_is_deleted_is_not(sut: Team) -> None:
    """A Canary in progress without a run and without a holder; while it is being deleted there is nothing to start."""
    target = deployment(replicas=0)
    await sut.cluster.create(target | {"metadata": target["metadata"] | {"namespace": sut.name}})
    canary = canary_manifest()
    name = canary["metadata"]["name"]
    await sut.cluster.create({**canary, "metadata": {"name": name, "namespace": sut.name, "finalizers": ["test/hold"]}})
    await sut.cluster.patch(CANARY, name, sut.name, {"status": {"phase": "Progressing"}}, subresource="status")

    async def orphans() -> list[tuple[str, str]]:
        found = [event for event in await find_orphans.find_orphans.fn() if event.namespace == sut.name]
        return [(event.canary, str(event.id)) for event in found]

    ((found, event),) = await orphans()
    assert found == name
    assert await orphans() == [(name, event)]
    await sut.cluster.delete(CANARY, name, sut.name)
    assert await orphans() == []
    await sut.cluster.patch(CANARY, name, sut.name, {"metadata": {"finalizers": None}})
