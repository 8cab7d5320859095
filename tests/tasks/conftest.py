"""Stages on a cluster in memory, as plain code: what they do and in which order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from blocks.gates.base import Answer
from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from blocks.metrics.memory import MemoryMetrics
from sluice.gates.points import POINTS
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from sluice.manifests.flagger.phase import Phase
from sluice.measures.series import Selector, Series
from sluice.rollout.decision import Action, Decision
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.copies import primary_copy
from tasks import run_signals
from tasks.measuring import pace
from tasks.measuring import step as judging
from tasks.rollout import finalise, initialise, promote, roll_back
from tasks.rollout.fence_out import fence_out
from tasks.scene import ready_endpoints
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import Provided, connected
from tests.memory_cluster import MemoryCluster, MemoryRoute, MemoryServices
from tests.peopled_flags import MemoryFlags
from tests.samples import NAME, NAMESPACE, canary_manifest, counted_at, merged, workload
from tests.virtual_time import in_no_time

OLD_IMAGE, NEW_IMAGE = "registry/shop:1.0.0", "registry/shop:1.1.0"


@dataclass
class Gates:
    """Gates by type; open unless a test closes them."""

    closed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    """Type, phase and message of those that nothing waits for."""

    async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
        self.asked.append(webhook.type)
        if not POINTS[webhook.type].when.holds:
            self.heard.append((webhook.type, str(canary.status.phase), webhook.metadata.get("eventMessage", "")))
        return Answer(gate=webhook.name, open=webhook.type not in self.closed, said="said so")


@dataclass
class Requests(MemoryMetrics):
    """A provider that counts a request each 20 ms on both halves and a baseline, of which each fails a share."""

    fails: float = 0.0
    primary_fails: float = 0.0
    baseline_fails: float = 0.0
    flows: bool = True
    error: Exception | None = None

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        if self.error:
            raise self.error
        if not self.flows or not selector.values:
            return []  # nothing is counted but for the sides
        # On a grid of its own, ten times a second, as if the processes had counted since the epoch.
        counted = [(tick / 10, 5.0 * tick) for tick in range(int(start * 10) + 1, int(end * 10) + 1)]
        bad = tuple((at, value * self.fails) for at, value in counted)
        good = tuple((at, value * (1 - self.fails)) for at, value in counted)
        primary_bad = tuple((at, value * self.primary_fails) for at, value in counted)
        return [
            Series(counted_at("primary", "2"), tuple((at, v * (1 - self.primary_fails)) for at, v in counted)),
            *([Series(counted_at("primary", "5"), primary_bad)] if self.primary_fails else []),
            *(
                Series(counted_at("baseline", class_), tuple((at, value * share) for at, value in counted))
                for class_, share in (("2", 1 - self.baseline_fails), ("5", self.baseline_fails))
            ),
            Series(counted_at("canary", "2"), good),
            Series(counted_at("canary", "5"), bad),
        ]


@dataclass
class Stage:
    """A Canary in the middle of a release on a cluster in memory."""

    cluster: MemoryCluster
    route: MemoryRoute
    gates: Gates
    metrics: Requests
    signals: run_signals.RunSignals
    ref: RolloutRef
    kind: str = "Deployment"
    flags: MemoryFlags = field(default_factory=MemoryFlags)

    @property
    def acts(self) -> list[str]:
        return self.cluster.acts

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.now("Canary", NAME).get("status") or {})

    def now(self, kind: str, name: str) -> dict[str, Any]:
        return self.cluster.now(kind, name, NAMESPACE)

    def change(self, kind: str, name: str, part: dict[str, Any]) -> None:
        """What somebody else does."""
        self.cluster.add(merged(self.now(kind, name), part))

    def push(self, image: str = "registry/shop:1.2.0") -> None:
        target = self.now(self.kind, NAME)
        self.cluster.add({**target, "spec": workload(self.kind, image)["spec"]})

    def breaks(self, verb: str, when: str, error: BaseException) -> None:
        """The next such write breaks, before or after it was done."""

        def hook(then: str, what: str, item: dict[str, Any]) -> None:
            if (then, what) == (when, verb):
                self.cluster.hooks.remove(hook)
                raise error

        self.cluster.hooks.append(hook)


def staged(
    spec: dict[str, Any] | None = None, weight: int = 30, replicas: int = 2, kind: str = "Deployment", **status: Any
) -> Stage:
    """A release under way: the primary runs the old image, the canary the new one."""
    cluster, rules = MemoryCluster(), WORKLOADS[kind]
    old, new = workload(kind, OLD_IMAGE), workload(kind, NEW_IMAGE)
    new = merged(new, rules.writes.scaled(new, replicas) or {})
    revision = rules.reads.revision(new)
    journal = {
        "phase": Phase.PROGRESSING,
        "lastPromotedSpec": rules.reads.revision(old),
        "lastAppliedSpec": revision,
        "canaryWeight": weight,
        "step": 1,
        "stepStarted": 1.0,
        **status,
    }
    manifest = canary_manifest(merged({"targetRef": {"kind": kind}}, spec or {}), journal)
    cluster.add(manifest, new, primary_copy(rules, Canary.parse(manifest), old, 2))
    ref = RolloutRef(namespace=NAMESPACE, name=NAME, revision=revision, version="1.1.0")
    route = MemoryRoute(cluster, {NAME: weight})
    return Stage(cluster, route, Gates(), Requests(), run_signals.RunSignals(), ref, kind)


def parts(stage: Stage) -> dict[str, Any]:
    """The connections of a stage that is played."""
    nothing: Any = None
    return {
        "router": lambda provider, writer: stage.route.written_by(writer),
        "services": lambda writer: MemoryServices(stage.cluster),
        "metrics": Provided(stage.metrics),
        "gates": stage.gates,
        "gate_kinds": GateKinds(Ways(cluster=nothing, informers=nothing, http=nothing, webhooks=stage.gates)),
        "flags": stage.flags,
    }


@pytest.fixture
def play() -> Any:
    """Runs a stage's own code on a `Stage`, as if that had been decided: `play(stage, task, step=1)`.

    By a clock that moves only while nothing is to be done: a deadline of a second is never over before the first look,
    however busy the machine is.
    """

    def run(stage: Stage, task: Any, **decision: Any) -> Any:

        async def it() -> Any:
            run_signals.bind(stage.signals)
            async with asyncio.timeout(20), connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
                return await task.fn(stage.ref, Decision(Action.WAIT, **decision))

        return in_no_time(it)

    return run


@pytest.fixture
def play_often() -> Any:
    """Runs stages of one run, which holds one lease: `play_often(stage, tries)`; `tries` is given what runs a stage."""

    def run(stage: Stage, tries: Any) -> Any:
        async def one(task: Any, **decision: Any) -> Any:
            return await task.fn(stage.ref, Decision(Action.WAIT, **decision))

        async def it() -> Any:
            run_signals.bind(stage.signals)
            async with asyncio.timeout(20), connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
                return await tries(one)

        return asyncio.run(it())

    return run


@pytest.fixture
def fence() -> Any:
    """Runs `fence_out`, which nobody decides on."""

    def run(stage: Stage) -> Any:
        async def it() -> Any:
            run_signals.bind(stage.signals)
            async with asyncio.timeout(20), connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
                return await fence_out.fn(stage.ref)

        return asyncio.run(it())

    return run


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests on their way need no time to finish here."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.01)
    monkeypatch.setattr(pace, "AFTER_SCRAPE", 0.0)
    monkeypatch.setattr(ready_endpoints, "LOOK", 0.001)
    monkeypatch.setattr(ready_endpoints, "WITHIN", 0.05)
