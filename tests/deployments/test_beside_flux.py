"""What Flux acts on is acted on by no path of sluice: neither by a list, nor by a watch, nor by a name in an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.connections import connections
from blocks.kubernetes.beside_flux import GivenToSluice
from blocks.kubernetes.kinds import GIT_REPOSITORY, IMAGE_REPOSITORY
from deployments.polling.poller import Poller
from deployments.watchers.announcer import Announcer
from deployments.watchers.releases import ReleaseWatcher
from deployments.watchers.sources import SourceWatcher
from sluice.events.model import Event, SourceChanged
from sluice.manifests.beside_flux import RUN_BY, run_by_sluice
from tasks.helm.leave import leave as uninstall
from tasks.helm.sync_release import sync_release
from tests.blocks.git.git_server import git
from tests.connected import connected
from tests.deployments.doors.hook_site import Site, path, receiver, secret, thing
from tests.deployments.drift.test_drift import AT_ONCE, watched
from tests.memory_cluster import MemoryCluster
from tests.tasks.images.ground import ground, line
from tests.tasks.images.place import place
from tests.tasks.sync.delivered import TEAM, config, delivering

Object = dict[str, Any]
THEIRS = {RUN_BY: "flux"}
PATIENCE = 20.0


def to_flux(cluster: MemoryCluster, kind: str, name: str, namespace: str = TEAM, **meta: Any) -> None:
    """From now on Flux acts on an object."""
    cluster.given = GivenToSluice()
    item = cluster.now(kind, name, namespace)
    cluster.add({**item, "metadata": {**item["metadata"], "annotations": THEIRS, **meta}})


async def test_a_kustomization_is_neither_synced_nor_cleaned_up() -> None:
    """It was ours when it was found due, and is Flux's when its turn comes."""
    async with delivering() as sut:
        sut.commit(config("a"))
        sut.kustomization()
        await sut.sync()
        sut.commit(config("b"))
        to_flux(sut.cluster, "Kustomization", "app")
        before = list(sut.cluster.acts)
        assert await sut.sync(reapply=True) == "it is left to Flux"
        gone: Object = {"deletionTimestamp": "2026-11-27T12:00:00Z", "finalizers": ["finalizers.fluxcd.io"]}
        to_flux(sut.cluster, "Kustomization", "app", **gone)
        assert await sut.leave() == "it is left to Flux"
        assert sut.cluster.acts == before


async def test_what_is_changed_by_hand_is_theirs_to_put_back() -> None:
    async with watched(config("a"), annotations=AT_ONCE) as world:
        to_flux(world.cluster, "Kustomization", "app")
        await world.quiet()
        world.edit("a", {"data": {"value": "9"}})
        await world.quiet()
        assert world.value("a") == {"value": "9"}
        assert (world.events(), world.chat.said) == ([], [])


async def test_a_helm_release_is_neither_released_nor_uninstalled() -> None:
    cluster = MemoryCluster(given=GivenToSluice())
    chart = {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
    meta = {"name": "shop", "namespace": TEAM, "annotations": THEIRS, "finalizers": ["finalizers.fluxcd.io"]}
    release = {"kind": "HelmRelease", "metadata": meta, "spec": {"interval": "1m", "chart": chart}}
    async with connected(cluster, router=None, metrics=None, gates=None):
        cluster.add(release)
        assert (await sync_release.fn(TEAM, "shop")).summary == "left to Flux"
        cluster.add({**release, "metadata": meta | {"deletionTimestamp": "2026-11-27T12:00:00Z"}})
        assert (await uninstall.fn(TEAM, "shop")).summary == "left to Flux"
    assert cluster.acts == []


async def test_an_automation_writes_nothing_into_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ground(tmp_path, monkeypatch) as sut:
        sut.repository.write({"apps/shop.yaml": line("1.0.0")})
        sut.source()
        sut.automation()
        sut.policy("1.1.0")
        before = git("rev-parse", "main", folder=sut.repository.folder)
        to_flux(sut.cluster, "ImageUpdateAutomation", "auto")
        assert await sut.turn() == []
        assert git("rev-parse", "main", folder=sut.repository.folder) == before


async def test_a_registry_is_asked_for_ours_alone() -> None:
    """By its annotation and by who wrote its status, which a watch has to remember; when Flux is gone it is asked."""
    async with place() as sut:
        sut.cluster.given = GivenToSluice()
        sut.shelf.push("shop", "1.0.0")
        sut.repository("theirs", image=sut.image, interval="50ms")
        sut.policy("theirs", of="theirs")
        wrote = {"manager": "image-reflector-controller", "subresource": "status", "fieldsV1": {"f:status": {}}}
        at_work = [{**wrote, "time": datetime.now(UTC).isoformat()}]
        to_flux(sut.cluster, "ImageRepository", "theirs", annotations={}, managedFields=at_work)
        sut.repository(interval="50ms")
        sut.policy()
        sut.policy("seen")
        to_flux(sut.cluster, "ImagePolicy", "seen")
        poller = Poller(connections())
        keeping = asyncio.create_task(poller.keep())
        try:
            async with asyncio.timeout(PATIENCE):
                while not sut.events.posted:
                    await asyncio.sleep(0.01)
            assert [sut.status("ImageRepository", "theirs"), sut.status(name="theirs"), sut.status(name="seen")] == [
                {}
            ] * 3
            known = await connections().informers.find(IMAGE_REPOSITORY, "theirs", TEAM)
            assert known is not None
            assert "fieldsV1" not in known["metadata"]["managedFields"][0]
            gone = [{**wrote, "time": (datetime.now(UTC) - timedelta(days=1)).isoformat()}]
            to_flux(sut.cluster, "ImageRepository", "theirs", annotations={}, managedFields=gone)
            async with asyncio.timeout(PATIENCE):
                while not sut.status("ImageRepository", "theirs"):
                    await asyncio.sleep(0.01)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def test_a_receiver_of_theirs_has_no_door_here_until_it_is_ours() -> None:
    """The objects that one of ours names are asked also where Flux acts on them: a request is no act."""
    site = Site()
    site.cluster.given = GivenToSluice()
    fleet = thing(GIT_REPOSITORY, "fleet")
    fleet["metadata"]["annotations"] = THEIRS
    theirs = receiver("generic", {"kind": "GitRepository", "name": "*", "matchLabels": {}})
    theirs["metadata"]["annotations"] = THEIRS
    following = asyncio.create_task(site.hooks.run())
    async with site.http:
        site.cluster.add(fleet, secret(), theirs)
        async with asyncio.timeout(PATIENCE):
            while not site.hooks.known:
                await asyncio.sleep(0)
        assert (await site.call(path())).status_code == 404
        assert site.status() == {}
        ours = receiver()
        await site.has(ours)
        assert (await site.call(path())).status_code == 202
        assert site.asked(GIT_REPOSITORY, "fleet")
        site.cluster.add(theirs)
        async with asyncio.timeout(PATIENCE):
            while (await site.call(path())).status_code != 404:
                await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait({following})


async def test_the_watcher_announces_what_is_ours_and_what_becomes_ours() -> None:
    """A commit of a source that Flux follows starts no run that finds nothing to do."""
    cluster, posted = MemoryCluster(given=GivenToSluice()), list[Event]()

    async def post(events: Sequence[Event]) -> None:
        posted.extend(events)

    chart = {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
    objects: list[tuple[str, Object]] = [
        ("GitRepository", {"url": "https://git.example/fleet", "ref": {"branch": "main"}}),
        ("Kustomization", {"sourceRef": {"kind": "GitRepository", "name": "fleet"}, "prune": True}),
        ("HelmRelease", {"interval": "1m", "chart": chart}),
    ]
    for kind, spec in objects:
        meta = {"name": "fleet", "namespace": TEAM, "annotations": THEIRS}
        cluster.add({"kind": kind, "metadata": meta, "spec": spec})
    it: Any = cluster
    announcer = Announcer(post)
    sources, releases = SourceWatcher(it, announcer), ReleaseWatcher(it, announcer)
    watching = [asyncio.create_task(one.watch(None)) for one in (sources, releases)]
    try:
        ours = {"kind": "GitRepository", "metadata": {"name": "ours", "namespace": TEAM}}
        cluster.add({**ours, "spec": {"url": "https://git.example/ours", "ref": {"branch": "main"}}})
        await _until(lambda: bool(posted))
        assert _said(posted) == {"https://git.example/ours"}
        for kind, _ in objects:
            item = cluster.now(kind, "fleet", TEAM)
            mine = {RUN_BY: run_by_sluice(datetime.now(UTC))}
            cluster.add({**item, "metadata": {**item["metadata"], "annotations": mine}})
        await _until(lambda: {"https://git.example/fleet", "HelmRelease/team/fleet"} <= _said(posted))
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await announcer.close()
    assert _said(posted) == {"HelmRelease/team/fleet", "https://git.example/fleet", "https://git.example/ours"}


def _said(posted: Sequence[Event]) -> set[str]:
    return {one.reapply or one.url for one in posted if isinstance(one, SourceChanged)}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)
