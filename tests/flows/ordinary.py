"""Releases in the ordinary world: real stages and the real Gateway API router on a cluster in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.samples import NAME, NAMESPACE, merged

Change = Callable[[World], None]
PRIMARY = f"{NAME}-primary"


def weights(world: World) -> list[int]:
    route = world.cluster.objects.get(("HTTPRoute", NAMESPACE, NAME))
    return [one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]] if route else []


def status(world: World) -> dict[str, Any]:
    return dict(world.cluster.now("Canary", NAME, NAMESPACE)["status"])


def message(world: World) -> str:
    return str(status(world)["conditions"][0]["message"])


def edit(world: World, spec: dict[str, Any]) -> None:
    world.cluster.add(merged(world.cluster.now("Canary", NAME, NAMESPACE), {"spec": spec}))


def refresh(world: World, name: str) -> None:
    """Have the controllers look at a workload again."""
    world.cluster.add(world.cluster.now("Deployment", NAME if name == NAME else name, NAMESPACE))


def ready(world: World, name: str) -> int:
    pods = world.cluster.pods(name, NAMESPACE)
    return sum(pod["status"]["conditions"][0]["status"] == "True" for pod in pods)


def at_weight(world: World, weight: int, change: Change) -> None:
    """Once the canary has so much traffic, something happens."""

    def hook(when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "after" and item["kind"] == "HTTPRoute" and weights(world)[1] == weight:
            world.cluster.hooks.remove(hook)
            change(world)

    world.cluster.hooks.append(hook)


def at_phase(world: World, phase: Phase, change: Change) -> None:
    def hook(when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "after" and item["kind"] == "Canary" and item["status"]["phase"] == phase:
            world.cluster.hooks.remove(hook)
            change(world)

    world.cluster.hooks.append(hook)


def users_are_served(world: World) -> None:
    """From now on traffic never leaves pods that serve for none."""

    def law(when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "before" and item["kind"] == "HTTPRoute" and item.get("spec"):
            then = [one["weight"] for one in item["spec"]["rules"][0]["backendRefs"]]
            if weights(world) and then[1] < weights(world)[1] and ready(world, NAME):
                assert ready(world, PRIMARY), "traffic leaves pods that serve for none"

    world.cluster.hooks.append(law)


async def release(world: World, *, pushed: str = NEW) -> Outcome:
    """A Canary that is initialised, then released once."""
    async with connected(world.cluster, "worker", **world.parts()):
        await one_run("initialise")
        world.push(pushed)
        users_are_served(world)
        return await one_run("release")
