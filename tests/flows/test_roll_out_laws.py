"""What holds of every rollout, whatever happens: real stages on a cluster in memory that breaks and changes at any write."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blocks.lease import Lease
from blocks.webhook import Answer
from flows import roll_out as story
from sluice.errors import TransientError
from sluice.rollout.decide import Outcome
from sluice.rollout.objects import REVISION_ANNOTATION
from sluice.rollout.phases import TRANSITIONS, Phase
from sluice.rollout.revision import revision_of
from tasks import analyse, finalise, initialise, promote, roll_back, run_signals
from tasks.claim import claimed
from tasks.rollout_ref import RolloutRef
from tasks.take_over import take_over
from tests.connected import connected
from tests.memory_cluster import MemoryCluster, MemoryRoute
from tests.samples import NAME, NAMESPACE, canary_manifest, deployment, gate

WEIGHTS = (10, 30, 60)
IMAGES = ("registry/shop:1", "registry/shop:2", "registry/shop:3", "registry/shop:broken")
MOST_TURNS = 300
TEMPLATE = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "MetricTemplate",
    "metadata": {"name": "own", "namespace": NAMESPACE},
    "spec": {"provider": {"type": "prometheus"}, "query": "good"},
}
OWN = {"name": "own", "interval": "1m", "thresholdRange": {"min": 1}, "templateRef": {"name": "own"}}


class Crash(BaseException):
    """The process is gone: no cleanup of anybody's runs because of it."""


@dataclass
class World:
    """The cluster, what is still to happen to it, and the laws, checked at each write."""

    plan: dict[int, str]
    words: list[str]
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    writes: int = 0
    left: str = ""
    passed: set[tuple[str, int]] = field(default_factory=set)
    phases: list[Phase | None] = field(default_factory=lambda: [None])
    signals: run_signals.RunSignals = field(default_factory=run_signals.RunSignals)

    def __post_init__(self) -> None:
        self.route = MemoryRoute(self.cluster)
        webhooks = [gate("confirm-rollout"), gate("pre-rollout"), gate("confirm-promotion")]
        analysis = {"interval": "0s", "metrics": [OWN], "webhooks": webhooks}
        self.cluster.add(
            canary_manifest({"analysis": analysis, "progressDeadlineSeconds": 0.01}), deployment(IMAGES[0]), TEMPLATE
        )
        self.cluster.broken_images.add(IMAGES[3])
        self.cluster.hooks += [self.obeys_the_laws, self.happens]

    def word(self, good: str, bad: str) -> str:
        """What the next asked says; good news when nobody planned anything."""
        return self.words.pop() if self.words and self.words[-1] in {good, bad} else good

    @property
    def revision(self) -> str:
        return revision_of(self.cluster.now("Deployment", NAME, NAMESPACE))

    @property
    def status(self) -> dict[str, Any]:
        return self.cluster.now("Canary", NAME, NAMESPACE).get("status") or {}

    def obeys_the_laws(self, when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "before" and verb == "shift":
            self.shift_is_safe(item["weight"])
        if when == "before" and verb == "apply" and item["kind"] == "Deployment":
            self.primary_is_promoted_only_when_judged(item)
        if when == "after" and item["kind"] == "Canary":
            self.journal_is_true(Phase(item["status"]["phase"]))

    def shift_is_safe(self, weight: int) -> None:
        target = self.cluster.now("Deployment", NAME, NAMESPACE)
        assert weight in {0, *WEIGHTS, 100}
        assert self.status.get("canaryWeight", 0) == weight or weight == 0, "the intent is written before the act"
        if weight and self.revision == self.status["lastAppliedSpec"]:
            assert target["spec"]["replicas"] == target["status"]["availableReplicas"] > 0, "traffic to no pods"
        if weight == 100:
            assert self.status["phase"] == Phase.PROMOTING

    def primary_is_promoted_only_when_judged(self, primary: dict[str, Any]) -> None:
        given_ = primary["metadata"]["annotations"][REVISION_ANNOTATION]
        if self.status["phase"] == Phase.INITIALIZING:
            return
        assert self.status["phase"] == Phase.PROMOTING
        assert {weight for revision, weight in self.passed if revision == given_} == set(WEIGHTS)
        assert self.route.weights[NAME] == 100, "the primary is replaced while it carries traffic"

    def journal_is_true(self, phase: Phase) -> None:
        if phase is not self.phases[-1]:
            assert phase in TRANSITIONS[self.phases[-1]]
            self.phases.append(phase)
        if not phase.in_progress:
            assert self.route.weights[NAME] == 0, "an end with traffic on the canary"
            assert self.cluster.now("Deployment", NAME, NAMESPACE)["spec"]["replicas"] == 0

    def happens(self, when: str, verb: str, item: dict[str, Any]) -> None:
        """Carry out what is planned for this write."""
        self.writes += 1
        event = self.plan.pop(self.writes, "")
        if event == "crash":
            raise Crash
        if event == "hiccup" and when == "before":
            raise TransientError("the API server is away for a moment")
        if event == "cancel":
            self.signals.cancelled = True
        elif event.startswith("push") and not (when == "before" and item["kind"] == "Deployment"):
            self.push(IMAGES[int(event[-1])])

    def push(self, image: str) -> None:
        """What `kubectl set image` does."""
        target = self.cluster.now("Deployment", NAME, NAMESPACE)
        self.cluster.add({**target, "spec": {**target["spec"], "template": deployment(image)["spec"]["template"]}})

    def at_rest(self) -> bool:
        """Nothing is under way: the next push that is planned happens now. False where there is none."""
        while self.plan:
            event = self.plan.pop(min(self.plan))
            if event.startswith("push"):
                self.push(IMAGES[int(event[-1])])
                return True
        return False

    def now(self) -> float:
        return time.time()

    async def value(self, query: str) -> float | None:
        said = self.word("good", "bad")
        if said == "good":
            self.passed.add((self.revision, self.route.weights[NAME]))
        return {"good": 1.0, "bad": 0.0}[said]

    async def ask(self, webhook: Any, canary: Any) -> Answer:
        said = self.word("open", "closed")
        return Answer(gate=webhook.name, open=said == "open", said=said)


async def one_run(world: World, name: str) -> Outcome:
    """A run of the flow's own loop without Prefect around it; ends by itself or by a crash, after which it goes on."""
    world.signals.cancelled = False
    ref = RolloutRef(namespace=NAMESPACE, name=NAME, revision=world.left)
    async with claimed(ref, name) as lease:
        try:
            return await to_the_end(world, ref, lease)
        except Crash:
            lease.run = f"{lease.run} of a dead process"  # which gives nothing back
            raise


async def to_the_end(world: World, ref: RolloutRef, lease: Lease) -> Outcome:
    run = await story.taken_up(ref)
    run.cleaning, world.left = True, run.ref.revision  # stages as plain code, so that thousands of runs need no Prefect
    if lease.took_over:
        await run.do(take_over, run.ref)
    for _ in range(MOST_TURNS):
        if run.outcome is not None:
            await run.told()
            world.left = ""
            return run.outcome
        await story._turn(run)
    raise AssertionError(f"no end after {MOST_TURNS} turns; the last acts were {world.cluster.acts[-8:]}")


async def live(world: World) -> list[Outcome | str]:
    """Run after run, as the watcher and reconcile start them, until nothing is left to do; a new process after a crash."""
    parts = {
        "router": lambda provider, writer: world.route.written_by(writer),
        "metrics": lambda address="": world,
        "webhooks": world,
    }
    run_signals.bind(world.signals)
    ends: list[Outcome | str] = []
    for life in range(40):
        try:
            async with connected(world.cluster, f"life-{life}", **parts):
                while len(ends) < 40:
                    ends.append(await one_run(world, f"run-{len(ends)}"))
                    if ends[-1] in {Outcome.UNCHANGED, Outcome.REFUSED} and not world.at_rest():
                        return ends
        except Crash:
            ends.append("crash")
        except TransientError as error:
            ends.append(str(error))
    raise AssertionError(f"it never comes to rest: {ends}")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits: draining and pauses are tried on the lab."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(story, "PAUSE", 0)
    monkeypatch.setattr(story, "GATE_PAUSE", 0)
    monkeypatch.setattr(analyse, "SEARCH", 0.001)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))


EVENTS = st.sampled_from(["crash", "hiccup", "cancel", "push0", "push1", "push2", "push3"])
PLANS = st.dictionaries(st.integers(8, 90), EVENTS, max_size=6).map(lambda plan: {**plan, 10: "push1"})
WORDS = st.lists(st.sampled_from(["good", "good", "bad", "open", "open", "closed"]), max_size=30)


@given(PLANS, WORDS)
@example({10: "push1", 23: "push0", 27: "push1", 31: "hiccup"}, ["bad"])
@example({10: "push1", 32: "push3", 38: "crash"}, [])
def test_whatever_happens_a_rollout_ends_with_the_traffic_at_home(plan: dict[int, str], words: list[str]) -> None:
    """Crashes, hiccups, cancels, newer revisions, bad checks, closed gates, at any write: every law holds at each write,
    and at the end all users are on a primary that runs what the journal says is promoted."""
    world = World(dict(plan), list(words))
    asyncio.run(live(world))
    primary = world.cluster.now("Deployment", f"{NAME}-primary", NAMESPACE)
    assert world.route.weights[NAME] == 0
    assert primary["metadata"]["annotations"][REVISION_ANNOTATION] == world.status["lastPromotedSpec"]
    assert Phase(world.status["phase"]) in {Phase.SUCCEEDED, Phase.FAILED, Phase.INITIALIZED}
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"] != IMAGES[3], "the broken image was promoted"


def test_a_run_whose_worker_died_in_its_promotion_ends_with_its_own_revision_although_the_target_moved_on() -> None:
    """What the primary was given is promoted, and its run says how it ended; the newer revision has a run of its own."""
    world, promoted = World({10: "push1"}, []), []

    def dies(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, verb, item["kind"]) == ("after", "apply", "Deployment") and world.status["phase"] == Phase.PROMOTING:
            world.cluster.hooks.remove(dies)
            promoted.append(world.status["lastAppliedSpec"])
            world.push(IMAGES[2])
            raise Crash

    world.cluster.hooks.append(dies)
    ends = asyncio.run(live(world))
    assert ends[-4:] == ["crash", Outcome.SUPERSEDED, Outcome.PROMOTED, Outcome.UNCHANGED]
    assert promoted
    assert world.status["lastPromotedSpec"] == world.revision != promoted[0]
