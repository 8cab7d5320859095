"""Many services that git makes again on an empty cluster: all of them serve what git says, and no release is run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import CANARY, WORKLOAD_KINDS
from deployments.watchers.announcer import Announcer
from deployments.watchers.targets import Watcher
from flows import roll_out as story
from sluice.errors import NotFoundError, SluiceError
from sluice.events.model import Event, TargetChanged
from sluice.manifests.crd import crds
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.applying_cluster import ApplyingCluster
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, NEWER, World
from tests.memory_workloads import image_of
from tests.samples import canary_manifest, deployment, merged
from tests.tasks.sync.delivered import TEAM, Delivered, delivering

pytestmark = pytest.mark.usefixtures("hurried")
Object = dict[str, Any]
Service = tuple[str, str]
FIFTY = [(f"team-{number % 5}", f"app-{number:02}") for number in range(50)]
FEW = FIFTY[:8]
DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
CANARY_KEY = (CANARY.api_version, CANARY.kind)


def in_git(services: Sequence[Service]) -> list[Object]:
    """What people write: namespaces, targets and Canaries, in the order in which files happen to be read."""
    found: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in {where for where, _ in services}
    ]
    for where, name in services:
        meta = {"metadata": {"name": name, "namespace": where}}
        found += [made | meta for made in (canary_manifest(name=name), deployment(NEW, name=name))]
    random.Random(1).shuffle(found)
    return found


@dataclass
class Fleet:
    """An empty cluster, what is in git, and an installation of sluice without a past.

    Attributes:
        services: by namespace and name.
        met: weights that canaries had.
        events: what its watcher announced.
    """

    git: Delivered
    cluster: ApplyingCluster
    services: Sequence[Service]
    met: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster.served[DEFINITION.api_version, DEFINITION.kind] = DEFINITION
        self.cluster.hooks.append(self._noted)

    def _noted(self, when: str, verb: str, item: Object) -> None:
        if item["kind"] == "HTTPRoute" and item.get("spec"):
            self.met.update(one.get("weight", 0) for one in item["spec"]["rules"][0]["backendRefs"][1:])
        if (when, item["kind"]) == ("after", DEFINITION.kind) and item["spec"]["names"]["kind"] == CANARY.kind:
            self.cluster.served[CANARY_KEY] = CANARY
            item["status"] = {"conditions": [{"type": "Established", "status": "True"}]}

    async def post(self, events: Sequence[Event]) -> int:
        self.events += events
        return len(events)

    async def watched(self) -> list[Event]:
        """What a watcher that starts now calls for."""
        before, announcer = len(self.events), Announcer(self.post)
        watcher = Watcher(self.cluster, announcer)  # type: ignore[arg-type]
        following = [asyncio.create_task(watcher.follow(kind, None)) for kind in (CANARY, *WORKLOAD_KINDS.values())]
        await asyncio.sleep(0.3)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await announcer.close()
        return self.events[before:]

    async def rolled_out(self, events: Sequence[Event], worker: str = "worker") -> list[Outcome | None]:
        """What comes of the runs that the events start, all at once."""
        async with connected(self.cluster, worker, **World(stops_at=0).parts()):
            return await asyncio.gather(*(_run(one) for one in events if isinstance(one, TargetChanged)))

    def serves(self) -> set[tuple[str, str]]:
        """Services whose primary serves what git says, with all users on it."""
        return {
            (where, name)
            for where, name in self.services
            if {image_of(pod) for pod in self.cluster.pods(f"{name}-primary", where)} == {NEW}
            and not self.cluster.pods(name, where)
            and self._all_users(where, name)
        }

    def _all_users(self, where: str, name: str) -> bool:
        route = self.cluster.objects.get(("HTTPRoute", where, name))
        return route is not None and route["spec"]["rules"][0]["backendRefs"][0]["weight"] == 100


async def _run(event: TargetChanged) -> Outcome | None:
    ref = RolloutRef(namespace=event.namespace, name=event.canary, revision=event.revision, version=event.version)
    name = f"run-{event.namespace}-{event.canary}"
    async with claimed(ref, name) as lease:
        run = await story.resumed(ref, name)
        run.cleaning = True
        await story._to_the_end(run, lease)
        await run.flush()
    return run.outcome


@asynccontextmanager
async def empty(services: Sequence[Service]) -> AsyncIterator[Fleet]:
    cluster = ApplyingCluster()
    async with delivering(cluster) as git:
        git.commit(*in_git(services))
        git.kustomization()
        yield Fleet(git, cluster, services)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with empty(FEW) as made:
        yield made


async def all_is_made(fleet: Fleet) -> None:
    """By the watcher's events, one for each service; and nothing is left to do."""
    events = await fleet.watched()
    assert sorted((one.namespace, one.canary) for one in events if isinstance(one, TargetChanged)) == sorted(
        fleet.services
    )
    assert set(await fleet.rolled_out(events)) == {Outcome.INITIALISED}
    assert fleet.serves() == set(fleet.services)
    assert fleet.met == {0}, "a canary had traffic"
    phases = {item["status"]["phase"] for (kind, *_), item in fleet.cluster.objects.items() if kind == "Canary"}
    assert phases == {Phase.INITIALIZED}
    assert await fleet.watched() == []


async def test_fifty_services_are_made_again_and_no_canary_is_run() -> None:
    """The sync that follows changes nothing of what the Canaries govern."""
    async with empty(FIFTY) as fleet:
        assert f"{len(in_git(FIFTY))} applied" in await fleet.git.sync()
        await all_is_made(fleet)
        await fleet.git.sync(reapply=True)
        assert fleet.serves() == set(FIFTY)
        assert await fleet.watched() == []


async def test_the_definition_of_canaries_may_come_in_the_same_commit(fleet: Fleet) -> None:
    """It is applied first, wherever its file is; namespaces before what is in them."""
    del fleet.cluster.served[CANARY_KEY]
    definition = next(one for one in crds() if one["spec"]["names"]["kind"] == CANARY.kind)
    fleet.git.commit(*in_git(fleet.services), definition)
    assert f"{len(in_git(fleet.services)) + 1} applied" in await fleet.git.sync()
    await all_is_made(fleet)


async def test_without_the_definition_nothing_is_applied_until_it_is_there(fleet: Fleet) -> None:
    """Half of a service, a target without its Canary, would serve users unjudged."""
    del fleet.cluster.served[CANARY_KEY]
    with pytest.raises(NotFoundError, match=r"does not serve Canary of flagger\.app/v1beta1: is its CRD installed"):
        await fleet.git.sync()
    assert not any(key[0] in {"Deployment", "Namespace"} for key in fleet.cluster.objects)
    fleet.cluster.served[CANARY_KEY] = CANARY
    await fleet.git.sync()
    await all_is_made(fleet)


async def test_a_secret_that_is_not_there_yet_holds_the_sync(fleet: Fleet) -> None:
    """It is named; when people have brought it back all goes on by itself."""
    variables = {"substituteFrom": [{"kind": "Secret", "name": "region"}]}
    fleet.git.kustomization(postBuild=variables)
    with pytest.raises(SluiceError, match="region"):
        await fleet.git.sync()
    assert fleet.git.condition()[:2] == ("False", "BuildFailed")
    fleet.cluster.add(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "region", "namespace": TEAM}, "data": {}}
    )
    await fleet.git.sync()
    await all_is_made(fleet)


async def test_an_image_that_does_not_start_holds_its_own_service_alone(fleet: Fleet) -> None:
    """As where the registry is away: it is initialised when its pods start, and no other one waits for it."""
    where, name = fleet.services[7]
    fleet.cluster.unready.add(f"{name}-primary")
    await fleet.git.sync()
    events = [one for one in await fleet.watched() if isinstance(one, TargetChanged)]
    fleet.cluster.add(merged(fleet.cluster.now("Canary", name, where), {"spec": {"progressDeadlineSeconds": 0.2}}))
    rest = [one for one in events if (one.namespace, one.canary) != (where, name)]
    (late,) = [one for one in events if one not in rest]
    waiting = asyncio.create_task(fleet.rolled_out([*rest, late]))
    async with asyncio.timeout(60):
        while len(fleet.serves()) < len(fleet.services) - 1:
            await asyncio.sleep(0.05)
    assert not waiting.done()
    assert {image_of(pod) for pod in fleet.cluster.pods(name, where)} == {NEW}, "its users lost their pods"
    fleet.cluster.unready.clear()
    fleet.cluster.add(fleet.cluster.now("Deployment", f"{name}-primary", where))
    assert set(await waiting) == {Outcome.INITIALISED}
    assert fleet.serves() == set(fleet.services)


async def test_a_status_that_a_backup_brought_back_hides_no_object_that_is_missing(fleet: Fleet) -> None:
    """The Kustomization says that all is applied, and half of it is not there: its interval brings it."""
    await fleet.git.sync()
    lost = [
        key
        for number, key in enumerate(sorted(fleet.cluster.objects))
        if key[0] in {"Canary", "Deployment"} and number % 2
    ]
    for key in lost:
        del fleet.cluster.objects[key]
    fresh = ApplyingCluster(objects=fleet.cluster.objects)
    async with delivering(fresh) as git:  # a process that knows nothing
        git.commits = fleet.git.commits
        assert "applied" in await git.sync(reapply=True)
    assert all(key in fresh.objects for key in lost)


async def test_an_older_commit_on_purpose_is_what_serves_and_the_way_forward_is_a_release(fleet: Fleet) -> None:
    """People made the cluster of the commit before; the next one is judged, for it was promoted on another cluster."""
    await fleet.git.sync()
    await all_is_made(fleet)
    objects = [
        {
            **one,
            "spec": {**one["spec"], "template": deployment(NEWER, name=one["metadata"]["name"])["spec"]["template"]},
        }
        if one["kind"] == "Deployment"
        else one
        for one in in_git(fleet.services)
    ]
    fleet.git.commit(*objects)
    await fleet.git.sync()
    assert fleet.serves() == set(fleet.services), "a primary got what nobody has judged"
    events = await fleet.watched()
    assert sorted((one.namespace, one.canary) for one in events if isinstance(one, TargetChanged)) == sorted(
        fleet.services
    )


async def test_a_worker_that_dies_in_the_middle_is_followed_by_another(fleet: Fleet) -> None:
    """Some are made, some half made: the next one makes the rest, and begins nothing that was done."""
    await fleet.git.sync()
    phases: list[str] = []

    def counted(when: str, verb: str, item: Object) -> None:
        if (when, item["kind"]) == ("after", "Canary") and (item.get("status") or {}).get("phase") == Phase.INITIALIZED:
            phases.append(item["metadata"]["name"])

    fleet.cluster.hooks.append(counted)
    dying = asyncio.create_task(fleet.rolled_out(await fleet.watched(), "first"))
    async with asyncio.timeout(30):
        while len(phases) < 3:
            await asyncio.sleep(0)
    dying.cancel()
    await asyncio.wait({dying})
    done = set(phases)
    assert len(done) < len(fleet.services)
    events = await fleet.watched()
    assert done.isdisjoint(one.canary for one in events if isinstance(one, TargetChanged))
    assert set(await fleet.rolled_out(events, "second")) == {Outcome.INITIALISED}
    assert (fleet.serves(), fleet.met) == (set(fleet.services), {0})
    assert len(phases) == len(fleet.services)
