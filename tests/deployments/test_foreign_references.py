"""An installation that keeps teams to their namespaces does so with each kind that refers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from blocks.kubernetes.kinds import GIT_REPOSITORY
from blocks.kubernetes.tenants import Tenants
from deployments.alerting.alerting import Alerting
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.notices.alerts.happened import Happened
from tests.deployments.doors.hook_site import Site, path, receiver, secret, thing
from tests.memory_cluster import MemoryCluster
from tests.tasks.images.ground import TEAM, ground, line
from tests.tasks.images.place import place

CLOSED = Tenants(own_namespace_only=True)


async def test_an_automation_writes_to_no_repository_of_another_team(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither because something was pushed, nor at its interval: their login is not its own."""
    async with ground(tmp_path, monkeypatch, tenants=CLOSED) as sut:
        sut.repository.write({"apps/shop.yaml": line("1.0.0")})
        sut.source()
        theirs = sut.cluster.objects.pop(("GitRepository", TEAM, "fleet"))
        sut.cluster.add({**theirs, "metadata": {**theirs["metadata"], "namespace": "platform"}})
        sut.policy("1.1.0")
        sut.automation({"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "platform"}})
        assert await sut.look() == []
        assert "GitRepository platform/fleet is in another namespace" in sut.ready()[2]
        (written,) = await sut.deliver("1.1.0")
        assert "SLUICE_NO_CROSS_NAMESPACE_REFS" in written.fault
        assert "1.0.0" in sut.repository.read("apps/shop.yaml")


async def test_a_policy_chooses_from_no_repository_of_another_team() -> None:
    """Whatever its `accessFrom` allows."""
    async with place(tenants=CLOSED) as sut:
        sut.cluster.objects.clear()
        sut.repository(namespace="platform", accessFrom={"namespaceSelectors": [{"matchLabels": {}}]})
        policy = {"name": "shop", "namespace": "platform"}
        sut.policy(namespace="team", imageRepositoryRef=policy)
        sut.shelf.push("shop", "1.0.0")
        assert await sut.poll(namespace="platform") == []
        status, reason, why = sut.ready()
        assert (status, reason) == ("False", "AccessDenied")
        assert f"{ImageRepository.kind} platform/shop is in another namespace" in why


async def test_a_receiver_asks_nothing_of_another_team() -> None:
    site = Site()
    site.hooks.tenants = CLOSED
    theirs = {"kind": "GitRepository", "name": "fleet", "namespace": "platform"}
    following = asyncio.create_task(site.hooks.run())
    async with site.http:
        site.cluster.add(thing(GIT_REPOSITORY, "fleet"), thing(GIT_REPOSITORY, "fleet", "platform"))
        await site.has(secret(), receiver("generic", theirs, {"kind": "GitRepository", "name": "fleet"}))
        answer = (await site.call(path())).json()
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    assert answer["asked"] == ["GitRepository/apps/fleet"]
    assert "GitRepository platform/fleet is in another namespace" in answer["faults"][0]
    assert site.asked(GIT_REPOSITORY, "fleet", "platform") == ""


@pytest.mark.parametrize(
    ("closed", "namespace", "heard"), [(False, "team", 1), (True, "team", 0), (True, "platform", 1)]
)
async def test_an_alert_hears_nothing_of_another_team(closed: bool, namespace: str, heard: int) -> None:
    cluster = MemoryCluster()
    sources = [{"kind": "Kustomization", "name": "*", "namespace": "platform"}]
    cluster.add(
        {
            "kind": "Alert",
            "metadata": {"name": "all", "namespace": namespace},
            "spec": {"providerRef": {"name": "chat"}, "eventSources": sources},
        }
    )
    event = {
        "involvedObject": {"kind": "Kustomization", "name": "shop", "namespace": "platform", "uid": "u"},
        "metadata": {"name": "e", "namespace": "platform"},
        "reason": "Did",
        "message": "applied",
        "type": "Normal",
    }
    sut = Alerting(cluster, own_namespace_only=closed)  # type: ignore[arg-type]
    assert len(await sut._chosen(Happened.of(event))) == heard
