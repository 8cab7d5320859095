"""An empty cluster and git are the same cluster: what git says serves all users, and no release is run for it."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tests.applying_cluster import ApplyingCluster
from tests.connected import connected
from tests.flows.ordinary import status
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE
from tests.tasks.sync.delivered import delivering

pytestmark = pytest.mark.usefixtures("hurried")
LIVE = ("status", "metadata")
WRITTEN = {"Canary", "Deployment", "MetricTemplate"}
"""What people write; the rest comes about."""


def as_in_git(item: dict[str, Any]) -> dict[str, Any]:
    meta = {"name": item["metadata"]["name"], "namespace": item["metadata"]["namespace"]}
    return {key: value for key, value in item.items() if key not in LIVE} | {"metadata": meta}


async def test_a_cluster_that_is_rebuilt_from_git_runs_no_canary() -> None:
    """The version that was promoted last is the one that git has: the primary is made of it, and no user meets a canary."""
    cluster = ApplyingCluster()
    world = World(stops_at=0, cluster=cluster)
    world.push(NEW)
    wanted = [as_in_git(item) for key, item in cluster.objects.items() if key[0] in WRITTEN]
    cluster.objects.clear()
    weights: list[int] = []

    def noted(when: str, verb: str, item: dict[str, Any]) -> None:
        if item["kind"] == "HTTPRoute" and item.get("spec"):
            weights.extend(one.get("weight", 0) for one in item["spec"]["rules"][0]["backendRefs"][1:])

    cluster.hooks.append(noted)
    async with delivering(cluster) as git:
        git.commit(*wanted)
        git.kustomization()
        assert f"{len(wanted)} applied" in await git.sync()
    async with connected(cluster, "worker", **world.parts()):
        assert await one_run("rebuild") is Outcome.INITIALISED
        assert await one_run("looked at once more") is not Outcome.PROMOTED
    assert status(world)["phase"] == Phase.INITIALIZED
    assert {image_of(pod) for pod in cluster.pods(f"{NAME}-primary", NAMESPACE)} == {NEW}
    assert set(weights) == {0}, "a canary had traffic"
