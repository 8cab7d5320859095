"""Regions: one repository, a cluster each, real releases in both; what the first one refuses never reaches the second."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.gates.base import Answer
from blocks.kubernetes.tenants import Tenants
from flows import sync_source
from sluice.errors import TerminalError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kube_config import KubeConfigReference
from sluice.rollout.decision import Outcome
from tasks.sync.followers import kustomization as row
from tasks.sync.kustomizations.sync import sync_kustomization
from tests.applying_cluster import ApplyingCluster
from tests.connected import connected
from tests.flows.test_roll_out_stopped import TEMPLATE, World, one_run
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, merged
from tests.tasks.sync.delivered import TEAM, Delivered, delivering

pytestmark = pytest.mark.usefixtures("hurried")
Object = dict[str, Any]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "clusters.md"
V1, V2, V3 = (f"registry/shop:{number}" for number in (1, 2, 3))


def recipe(heading: str) -> list[Object]:
    """The manifests that the page shows under a heading."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    shown = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert shown, f"nothing is shown under {heading!r}"
    return [one for text in shown for one in yaml.safe_load_all(text) if one]


@dataclass
class Region(World):
    """A cluster with a sluice of its own.

    Attributes:
        approved: whether gates are open.
        away: whether its API server answers nobody.
    """

    cluster: ApplyingCluster = field(default_factory=ApplyingCluster)
    approved: bool = True
    away: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        made = [one for key, one in self.cluster.objects.items() if key[0] in {"Canary", "Deployment"}]
        self.in_git = [{**one, "metadata": {"name": NAME, "namespace": NAMESPACE}} for one in made]
        self.cluster.objects.clear()
        self.cluster.add(TEMPLATE)

    async def ask(self, webhook: Any, canary: Canary) -> Answer:
        return Answer(gate=webhook.name, open=self.approved, said="nobody has approved it yet")

    async def released(self, run: str) -> Outcome:
        """What its own worker does when the target has changed."""
        async with connected(self.cluster, "worker", **self.parts()):
            return await one_run(run)

    @property
    def images(self) -> set[str | None]:
        """What users may meet."""
        sides = (NAME, f"{NAME}-primary")
        return {image_of(pod) for side in sides for pod in self.cluster.pods(side, NAMESPACE)}

    @property
    def wanted(self) -> str | None:
        """The version that has been applied there; None where nothing has."""
        found = self.cluster.objects.get(("Deployment", NAMESPACE, NAME))
        return image_of(found["spec"]) if found else None


class Regions(Tenants):
    """Two clusters, by the names of the Secrets with their kubeconfigs."""

    def __init__(self) -> None:
        super().__init__()
        self.of = {name: Region(stops_at=0) for name in ("east", "west")}

    @asynccontextmanager
    async def elsewhere(self, home: Any, namespace: str, wanted: KubeConfigReference) -> AsyncIterator[Any]:
        assert wanted.secret_ref is not None
        region = self.of[wanted.secret_ref.name]
        if region.away:
            raise TransientError(f"cluster {wanted.secret_ref.name} does not answer")
        yield region.cluster


@dataclass
class Fleet:
    """A repository, the cluster that syncs, and two regions that it syncs to."""

    git: Delivered
    regions: Regions
    runs: int = 0

    @property
    def east(self) -> Region:
        return self.regions.of["east"]

    @property
    def west(self) -> Region:
        return self.regions.of["west"]

    def push(self, image: str, **canary: Any) -> None:
        """A commit with this version, for both regions."""
        pods = {"spec": {"containers": [{"name": "shop", "image": image}]}}
        changes = {"Deployment": {"spec": {"template": pods}}, "Canary": canary}
        objects = [merged(one, changes[one["kind"]]) for one in self.east.in_git]
        self.git.commit(*objects, path=self.git.cluster.now("Kustomization", "east", TEAM)["spec"].get("path", ""))

    async def begun(self, name: str) -> asyncio.Task[str]:
        """A region's sync, until it waits for the release that it caused, or is over."""
        sync = asyncio.create_task(self.git.sync(name))
        await self.waits(name, sync)
        return sync

    async def waits(self, name: str, sync: asyncio.Task[Any]) -> None:
        while not sync.done() and "health checks" not in self.git.condition("Reconciling", name)[2]:
            await asyncio.sleep(0)

    async def deliver(self, name: str) -> str:
        """A region's sync, with the release that its own sluice makes of it; what came of the sync."""
        sync = await self.begun(name)
        if not sync.done():
            self.runs += 1
            await self.regions.of[name].released(f"{name}-{self.runs}")
        return await sync

    async def everywhere(self, image: str) -> None:
        self.push(image)
        for name in ("east", "west"):
            assert "2 applied" in await self.deliver(name)
            assert self.regions.of[name].images == {image}


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    """As the page shows it, word for word."""
    regions = Regions()
    async with delivering(tenants=regions) as git:
        for one in recipe("One region first"):
            git.cluster.add(merged(one, {"metadata": {"uid": f"uid-{one['metadata']['name']}"}}))
        for check in git.cluster.now("Kustomization", "east", TEAM)["spec"]["healthChecks"]:
            check["namespace"] = NAMESPACE  # of this test's samples
        yield Fleet(git, regions)


async def test_a_good_version_goes_from_region_to_region(fleet: Fleet) -> None:
    """From empty clusters on: the second region waits for the first one's promotion, and makes a release of its own."""
    for image in (V1, V2):
        fleet.push(image)
        assert "waits: dependency 'team/east'" in await fleet.git.sync("west")
        assert "2 applied" in await fleet.deliver("east")
        assert fleet.east.images == {image}
        assert fleet.west.wanted != image
        assert "2 applied" in await fleet.deliver("west")
        assert fleet.west.images == {image}


async def test_one_run_goes_through_all_regions(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to start the second region: its sync begins when the first one has released, whatever was found first."""
    monkeypatch.setattr(row, "sync_kustomization", sync_kustomization.fn)
    await fleet.everywhere(V1)
    fleet.push(V2)
    run = asyncio.create_task(sync_source._synced([fleet.git.due(name) for name in ("west", "east")]))
    for name in ("east", "west"):
        await fleet.waits(name, run)
        assert (fleet.west.wanted == V2) is (name == "west")
        await fleet.regions.of[name].released(f"one run, {name}")
    assert all("2 applied" in one.summary for one in await run if not isinstance(one, BaseException))
    assert (fleet.east.images, fleet.west.images) == ({V2}, {V2})


async def test_a_bad_version_never_reaches_the_second_region(fleet: Fleet) -> None:
    """Neither while the first one judges it, nor after its rollback, nor when git is back; the next good one goes on."""
    await fleet.everywhere(V1)
    met: set[str | None] = set()
    fleet.west.cluster.hooks.append(
        lambda when, verb, it: met.add(image_of(it["spec"])) if it["kind"] == "Deployment" else None
    )
    fleet.east.good = False
    fleet.push(V2)
    with pytest.raises(TerminalError, match="Canary shop-test/shop status: 'Failed'"):
        await fleet.deliver("east")
    assert fleet.east.images == {V1}
    assert "waits: dependency 'team/east'" in await fleet.git.sync("west")
    fleet.push(V1)
    assert "2 applied" in await fleet.deliver("east")
    assert fleet.git.condition(name="east")[0] == "True"
    assert "2 applied" in await fleet.deliver("west")
    assert fleet.west.images == {V1}
    fleet.east.good = True
    await fleet.everywhere(V3)
    assert V3 in met
    assert V2 not in met


async def test_a_gate_of_the_first_region_holds_the_second(fleet: Fleet) -> None:
    """An approval between regions is the first one's `confirm-promotion`: until it is given the second one waits."""
    gate = {"name": "approval", "type": "confirm-promotion", "url": "http://approvals.test/gate"}
    analysis = merged(fleet.east.in_git[0]["spec"]["analysis"], {"webhooks": [gate]})
    canary = {"spec": {"analysis": analysis}}
    fleet.push(V1, **canary)
    for name in ("east", "west"):
        await fleet.deliver(name)
    fleet.east.approved = False
    fleet.push(V2, **canary)
    first = await fleet.begun("east")
    judged = asyncio.create_task(fleet.east.released("waits"))
    while fleet.east.cluster.now("Canary", NAME, NAMESPACE)["status"]["phase"] != "WaitingPromotion":
        assert not judged.done()
        await asyncio.sleep(0.01)
    judged.cancel()  # its worker is stopped; the next one goes on
    await asyncio.wait({judged})
    assert "waits: dependency 'team/east'" in await fleet.git.sync("west")
    assert (fleet.west.wanted, first.done()) == (V1, False)
    fleet.east.approved = True
    assert await fleet.east.released("goes on") is Outcome.PROMOTED
    assert "2 applied" in await first
    assert "2 applied" in await fleet.deliver("west")
    assert fleet.west.images == {V2}


async def test_a_first_region_that_is_away_holds_the_second_and_changes_nothing(fleet: Fleet) -> None:
    """Nobody knows what its users meet. When it is back all goes on by itself."""
    await fleet.everywhere(V1)
    fleet.push(V2)
    fleet.east.away = True
    with pytest.raises(TransientError, match="cluster east does not answer"):
        await fleet.git.sync("east")
    assert "waits: dependency 'team/east'" in await fleet.git.sync("west")
    assert fleet.west.images == {V1}
    fleet.east.away = False
    for name in ("east", "west"):
        await fleet.deliver(name)
    assert (fleet.east.images, fleet.west.images) == ({V2}, {V2})


async def test_a_first_region_that_is_lost_is_taken_out_of_the_way_by_a_person(fleet: Fleet) -> None:
    """Its Kustomization without dependsOn: the fix does not wait for a cluster that nobody will see again."""
    await fleet.everywhere(V1)
    fleet.push(V2)
    fleet.east.away = True
    west = fleet.git.cluster.now("Kustomization", "west", TEAM)
    fleet.git.cluster.add(merged(west, {"spec": {"dependsOn": None}}))
    assert "2 applied" in await fleet.deliver("west")
    assert (fleet.east.images, fleet.west.images) == ({V1}, {V2})


async def test_a_region_that_is_rebuilt_runs_no_canary(fleet: Fleet) -> None:
    """Empty, it comes to what git says with the next sync; the other one does not notice."""
    await fleet.everywhere(V2)
    fleet.regions.of["west"] = Region(stops_at=0)
    weights: list[int] = []

    def noted(when: str, verb: str, item: Object) -> None:
        if item["kind"] == "HTTPRoute" and item.get("spec"):
            weights.extend(one["weight"] for one in item["spec"]["rules"][0]["backendRefs"][1:])

    fleet.west.cluster.hooks.append(noted)
    before = len(fleet.east.cluster.acts)
    sync = asyncio.create_task(fleet.git.sync("west", reapply=True))
    while fleet.west.wanted is None:
        await asyncio.sleep(0)
    assert await fleet.west.released("rebuild") is Outcome.INITIALISED
    assert "2 applied" in await sync
    assert (fleet.west.images, set(weights)) == ({V2}, {0})
    assert len(fleet.east.cluster.acts) == before
