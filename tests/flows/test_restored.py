"""A cluster that is restored from a backup, as Velero does it: new uids, no owners, with the old status or without it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from deployments.keeper.acting import Acting
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tests.connected import connected
from tests.flows.ordinary import PRIMARY, at_phase, at_weight, status, users_are_served, weights
from tests.flows.test_roll_out_stopped import NEW, NEWER, TEMPLATE, World, one_run, to_rest
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, copied

pytestmark = pytest.mark.usefixtures("hurried")
Object = dict[str, Any]
SAVED = {"Canary", "Deployment", "Service", "HTTPRoute", "Lease"}
"""What a backup has of it; what Kubernetes' own controllers make they make again."""
KEPT = {"name", "namespace", "labels", "annotations"}
"""What Velero restores of `metadata`."""


def dies(_: World) -> None:
    raise asyncio.CancelledError


async def saved(under_way: int | Phase = 0, *, good: bool = True) -> World:
    """A cluster right before it is lost: NEW is promoted, and with `under_way` NEWER is on its way.

    Args:
        under_way: percent of the users that NEWER has, or how far it has come.
        good: whether it is.
    """
    world = World(stops_at=0)
    async with connected(world.cluster, "lost", **world.parts()):
        await one_run("initialise")
        world.push(NEW)
        assert await one_run("release") is Outcome.PROMOTED
        if under_way:
            world.push(NEWER)
            if isinstance(under_way, Phase):
                at_phase(world, under_way, dies)
            else:
                at_weight(world, under_way, dies)
            with pytest.raises(asyncio.CancelledError):
                await one_run("cut off")
    world.good = good
    return world


def restored(lost: World, *, with_status: bool, without: Collection[str] = ()) -> World:
    """What the backup makes of an empty cluster.

    Args:
        with_status: of the Canary, as `--status-include-resources` asks for it.
        without: names of what the backup lacks, such as `Deployment shop-primary`.
    """
    world = World(stops_at=0, good=lost.good)
    world.cluster.objects.clear()
    world.cluster.add(TEMPLATE)
    for (kind, _, name), item in lost.cluster.objects.items():
        if kind not in SAVED or f"{kind} {name}" in without:
            continue
        made = copied(item)
        made["metadata"] = {key: value for key, value in made["metadata"].items() if key in KEPT}
        if not (kind == "Canary" and with_status):
            made.pop("status", None)
        world.cluster.add(made)
    users_are_served(world)
    return world


def owners(world: World) -> dict[str, list[str]]:
    """Of what sluice has made: by whom it goes, where its Canary goes."""
    mine = (
        ("Deployment", PRIMARY),
        ("HTTPRoute", NAME),
        *(("Service", f"{NAME}{end}") for end in ("", "-primary", "-canary")),
    )
    found = {name: world.cluster.now(kind, name, NAMESPACE) for kind, name in mine}
    return {name: [one["uid"] for one in item["metadata"].get("ownerReferences", [])] for name, item in found.items()}


def primary_runs(world: World) -> set[str]:
    return {image_of(pod) for pod in world.cluster.pods(PRIMARY, NAMESPACE)}


def all_is_right(world: World, image: str) -> None:
    assert primary_runs(world) == {image}
    assert weights(world) == [100, 0]
    uid = world.cluster.now("Canary", NAME, NAMESPACE)["metadata"]["uid"]
    assert owners(world) == {name: [uid] for name in owners(world)}
    assert world.cluster.now("Deployment", NAME, NAMESPACE)["spec"]["replicas"] == 0


PARTS = [
    pytest.param((), id="whole"),
    pytest.param((f"Deployment {PRIMARY}",), id="without its primary"),
    pytest.param((f"HTTPRoute {NAME}", f"Service {NAME}"), id="without the way in"),
    pytest.param((f"Service {NAME}-primary", f"Lease sluice-{NAME}"), id="without a Service and its lease"),
]


@pytest.mark.parametrize("without", PARTS)
@pytest.mark.parametrize("with_status", [True, False], ids=["with status", "without status"])
async def test_at_rest_the_version_that_ran_runs_and_no_canary_is_run(
    with_status: bool, without: tuple[str, ...]
) -> None:
    """Whatever of it the backup had; and what sluice had made belongs to the new Canary, so that it goes with it."""
    world = restored(await saved(), with_status=with_status, without=without)
    met: list[int] = []

    def noted(when: str, verb: str, item: Object) -> None:
        if item["kind"] == "HTTPRoute" and item.get("spec"):
            met.extend(one["weight"] for one in item["spec"]["rules"][0]["backendRefs"][1:])

    world.cluster.hooks.append(noted)
    async with connected(world.cluster, "next", **world.parts()) as wired:
        await to_rest("after")
        await Acting(wired).look(NAMESPACE, NAME)
    assert set(met) <= {0}
    all_is_right(world, NEW)
    assert status(world)["phase"] in {Phase.INITIALIZED, Phase.SUCCEEDED}


@pytest.mark.parametrize("good", [True, False], ids=["good", "bad"])
@pytest.mark.parametrize("with_status", [True, False], ids=["with status", "without status"])
async def test_in_the_middle_of_a_release_it_is_judged_to_its_end(with_status: bool, good: bool) -> None:
    """By the journal, or from its beginning where that is lost: nobody's primary gets a version that nobody has judged."""
    world = restored(await saved(10, good=good), with_status=with_status)
    if not good:

        def judged(when: str, verb: str, item: Object) -> None:
            if (
                item["kind"] == "Deployment"
                and item["metadata"]["name"] == PRIMARY
                and item.get("spec", {}).get("template")
            ):
                assert image_of(item["spec"]) != NEWER, "nobody has judged it"

        world.cluster.hooks.append(judged)
    async with connected(world.cluster, "next", **world.parts()) as wired:
        await to_rest("after")
        await Acting(wired).look(NAMESPACE, NAME)
    all_is_right(world, NEWER if good else NEW)
    assert status(world)["phase"] == (Phase.SUCCEEDED if good else Phase.FAILED)


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.FINALISING])
@pytest.mark.parametrize("with_status", [True, False], ids=["with status", "without status"])
async def test_a_promotion_that_was_cut_off_is_finished(with_status: bool, phase: Phase) -> None:
    """All users were on the judged version, or on their way to it: they stay on pods that serve, and it is promoted."""
    world = restored(await saved(phase), with_status=with_status)
    async with connected(world.cluster, "next", **world.parts()) as wired:
        await to_rest("after")
        await Acting(wired).look(NAMESPACE, NAME)
    all_is_right(world, NEWER)


async def test_a_canary_that_a_backup_brings_before_its_primary_is_in_order_when_that_comes() -> None:
    """Objects come one by one: what sluice has made meanwhile is not made twice, and what comes late is put right."""
    lost = await saved()
    world = restored(lost, with_status=True, without=(f"Deployment {PRIMARY}", f"Service {NAME}-primary"))
    late = [
        lost.cluster.now(kind, name, NAMESPACE)
        for kind, name in (("Deployment", PRIMARY), ("Service", f"{NAME}-primary"))
    ]
    async with connected(world.cluster, "next", **world.parts()) as wired:
        await Acting(wired).look(NAMESPACE, NAME)
        for item in late:
            meta = {key: value for key, value in item["metadata"].items() if key in KEPT}
            world.cluster.add({**item, "metadata": meta, "status": {}})
        await to_rest("after")
        await Acting(wired).look(NAMESPACE, NAME)
    all_is_right(world, NEW)
