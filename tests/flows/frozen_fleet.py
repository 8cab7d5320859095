"""How soon many rollouts hold when they are frozen, and go on when they are thawed.

`python -m tests.flows.frozen_fleet --n 500`: all in one process, on a cluster in memory whose writes cost nothing. What
is measured is sluice's own share, from the word of the watch to the shift at the router.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Any

from blocks.connections import Connections
from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from blocks.kubernetes.kinds import FREEZE
from flows import roll_out as story
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.strategies.base import Traffic
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.copies import primary_copy
from tasks import run_signals
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import Provided, connected
from tests.gates import freeze_object
from tests.memory_cluster import MemoryCluster, MemoryRoute, MemoryServices
from tests.samples import canary_manifest, workload
from tests.tasks.conftest import Gates, Requests

STEPS = list(range(1, 51))
NAME_OF, TEAM_OF, HOME = "app-{:03}", "team-{:03}", "sluice-system"
BEFORE, AFTER = 20.0, 20.0


@dataclass
class Shifts(MemoryRoute):
    """A router that notes when each Canary was shifted."""

    noted: list[tuple[float, str, int]] = field(default_factory=list)

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        await super().shift(canary, traffic)
        self.noted.append((time.monotonic(), canary.name, traffic.canary))


def freeze() -> dict[str, Any]:
    """One of the platform team's, for all namespaces."""
    made = freeze_object(reason="measured", namespaces=["*"])
    return {**made, "metadata": {**made["metadata"], "namespace": HOME}}


def rollouts(count: int, interval: str) -> tuple[MemoryCluster, Shifts, list[RolloutRef]]:
    """So many releases whose canary is ready and that no user has met, each of a team of its own."""
    cluster, rules, refs = MemoryCluster(), WORKLOADS["Deployment"], []
    route = Shifts(cluster)
    for number in range(count):
        name = NAME_OF.format(number)
        old, new = workload("Deployment", "registry/shop:1", name), workload("Deployment", "registry/shop:2", name)
        revision = rules.reads.revision(new)
        journal = {
            "phase": Phase.PROGRESSING,
            "lastPromotedSpec": rules.reads.revision(old),
            "lastAppliedSpec": revision,
            "canaryWeight": 0,
            "step": -1,
        }
        analysis = {"interval": interval, "stepWeights": STEPS, "metrics": []}
        manifest = canary_manifest({"analysis": analysis, "service": {"name": name}}, journal, name)
        manifest["metadata"]["uid"] = f"uid-{name}"
        made = (manifest, new, primary_copy(rules, Canary.parse(manifest), old, 2))
        cluster.add(*({**one, "metadata": {**one["metadata"], "namespace": TEAM_OF.format(number)}} for one in made))
        route.weights[name] = 0
        refs.append(RolloutRef(namespace=TEAM_OF.format(number), name=name, revision=revision, version="2"))
    return cluster, route, refs


async def carried(ref: RolloutRef) -> None:
    """A run, as plain code."""
    run_signals.bind(run_signals.RunSignals())
    async with claimed(ref, f"run-{ref.name}"):
        run = await story.resumed(ref)
        run.cleaning = True
        while run.outcome is None:
            await story._turn(run)


async def held(cluster: MemoryCluster, refs: list[RolloutRef]) -> None:
    """Wait until all of them say that they are frozen."""

    def says(ref: RolloutRef) -> bool:
        return "frozen" in str(cluster.objects["Canary", ref.namespace, ref.name]["status"].get("conditions"))

    while not all(map(says, refs)):
        await asyncio.sleep(1.0)


async def measured(count: int, interval: str) -> dict[str, float]:
    """Freeze and thaw them, twice; seconds for each."""
    nothing: Any = None
    cluster, route, refs = rollouts(count, interval)
    gates = Gates()
    parts = {
        "router": lambda provider, writer: route,
        "services": lambda writer: MemoryServices(cluster),
        "metrics": Provided(Requests()),
        "gates": gates,
        "home": HOME,
        "gate_kinds": GateKinds(Ways(cluster=nothing, informers=nothing, http=nothing, webhooks=gates)),
    }
    cluster.add(freeze())
    async with connected(cluster, **parts) as wired:
        runs = [asyncio.create_task(carried(ref)) for ref in refs]
        try:
            return await _frozen_and_thawed(cluster, route, refs, wired)
        finally:
            for run in runs:
                run.cancel()
            await asyncio.gather(*runs, return_exceptions=True)


async def _frozen_and_thawed(
    cluster: MemoryCluster, route: Shifts, refs: list[RolloutRef], wired: Connections
) -> dict[str, float]:
    await held(cluster, refs)
    assert route.noted == [], "one went forward while it was frozen"
    found = {}
    thawed, worked = time.monotonic(), time.process_time()
    cluster.vanish(FREEZE, "year-end", HOME)
    while len({name for _, name, _ in route.noted}) < len(refs):
        await asyncio.sleep(0.05)
    found["all go on within"] = max(at for at, _, _ in route.noted) - thawed
    found["of which this process had a processor for"] = time.process_time() - worked
    await asyncio.sleep(BEFORE)
    before, frozen = len(route.noted), time.monotonic()
    found["shifts a second before the second freeze"] = (before - len(refs)) / BEFORE
    cluster.add(freeze())
    await asyncio.sleep(AFTER)
    late = [at - frozen for at, _, _ in route.noted[before:]]
    found["all hold within"], found["shifts after the freeze"] = max(late, default=0.0), float(len(late))
    again = len(route.noted)
    thawed = time.monotonic()
    cluster.vanish(FREEZE, "year-end", HOME)
    while len({name for _, name, _ in route.noted[again:]}) < len(refs):
        await asyncio.sleep(0.05)
    found["all go on within, in the middle of their steps"] = max(at for at, _, _ in route.noted[again:]) - thawed
    return found


def main() -> None:
    """Measure, and print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--n", type=int, default=500)
    asked.add_argument("--interval", default="10s")
    given = asked.parse_args()
    logging.disable(logging.WARNING)
    story.get_run_logger = lambda: logging.getLogger("fleet")  # type: ignore[assignment]
    load = os.getloadavg()[0]
    for what, value in asyncio.run(measured(given.n, given.interval)).items():
        print(f"{what}: {value:.2f}")
    print(f"n = {given.n}, interval {given.interval}, load before {load:.1f}, after {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
