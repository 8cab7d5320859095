"""What holds of every rollout, whatever happens: real stages on a cluster in memory that breaks and changes at any write."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blocks.gates.base import Answer
from blocks.leases.lease import Lease
from flows import roll_out as story
from sluice.errors import TransientError
from sluice.gates.points import POINTS
from sluice.manifests.flagger.phase import Phase
from sluice.measures.series import Selector, Series
from sluice.rollout.decision import Outcome
from sluice.rollout.objects import REVISION_ANNOTATION
from sluice.rollout.phases import TRANSITIONS
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.copies import baseline_of
from tasks import run_signals
from tasks.rollout.fence_out import fence_out
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import Provided, connected
from tests.gates import freeze_object
from tests.hurry import hurry
from tests.memory_cluster import MemoryCluster, MemoryRoute, MemoryServices
from tests.samples import NAME, NAMESPACE, canary_manifest, counted_at, gate, merged, success_rate, workload
from tests.virtual_time import in_no_time

WEIGHTS = (10, 30, 50)
ITERATIONS = 3
STRATEGIES: dict[str, tuple[dict[str, Any], set[int], int]] = {
    "canary": ({"stepWeights": WEIGHTS}, set(WEIGHTS), 1),
    "blue/green": ({"stepWeights": [], "iterations": ITERATIONS}, {0}, ITERATIONS),
}
"""What the manifest asks for, the weights at which a revision is judged, and how often at each."""
BASELINE = f"{NAME}-baseline"
IMAGES = ("registry/shop:1", "registry/shop:2", "registry/shop:3", "registry/shop:broken")
MOST_TURNS = 300
FROZEN = 100.0
AHEAD = 60
"""Seconds that the provider's clock of a compared release is ahead: as many of its traffic are there to be read at once."""
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
    compared: bool = False
    strategy: str = "canary"
    kind: str = "Deployment"
    toggled: bool = False
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    writes: int = 0
    left: str = ""
    passed: Counter[tuple[str, int]] = field(default_factory=Counter)
    alike: dict[str, bool] = field(default_factory=dict)
    phases: list[Phase | None] = field(default_factory=lambda: [None])
    frozen_until: float = 0.0
    decided_before: int = 0
    """Forward acts that a freeze has still to let through: what was decided before it came."""
    signals: run_signals.RunSignals = field(default_factory=run_signals.RunSignals)

    def __post_init__(self) -> None:
        self.route = MemoryRoute(self.cluster)
        webhooks = [gate(kind) for kind in POINTS if kind != "rollout"]
        asked, self.weights, self.often = STRATEGIES[self.strategy]
        analysis = {"interval": "0s", **asked, "metrics": [OWN], "webhooks": webhooks}
        if self.compared:
            # Only the comparison speaks about what is counted: the bound is kept by any traffic.
            counted = {"metrics": [OWN, success_rate(1)], "comparison": {}, "earlyFail": False, "onNoData": "pass"}
            analysis |= counted
        spec = {"analysis": analysis, "progressDeadlineSeconds": 0.01, "targetRef": {"kind": self.kind}}
        self.rules = WORKLOADS[self.kind]
        self.cluster.add(canary_manifest(spec), workload(self.kind, IMAGES[0]), TEMPLATE)
        self.cluster.broken_images.add(IMAGES[3])
        self.cluster.hooks += [self.obeys_the_laws, self.happens]

    def word(self, good: str, bad: str) -> str:
        """What the next asked says; good news when nobody planned anything."""
        return self.words.pop() if self.words and self.words[-1] in {good, bad} else good

    @property
    def revision(self) -> str:
        return self.rules.reads.revision(self.workload())

    def workload(self, name: str = NAME) -> dict[str, Any]:
        return self.cluster.now(self.kind, name, NAMESPACE)

    def size(self, one: dict[str, Any]) -> int:
        """How many pods a workload was given; 1 for one that has them on each node."""
        return 0 if self.rules.writes.scaled(one, 0) is None else int(one["spec"].get("replicas", 1))

    @property
    def status(self) -> dict[str, Any]:
        return self.cluster.now("Canary", NAME, NAMESPACE).get("status") or {}

    def obeys_the_laws(self, when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "before" and verb == "shift":
            self.shift_is_safe(item["weight"])
            self.nothing_goes_forward_in_a_freeze(item["weight"])
            self.baseline_is_there(item["shares"].get(BASELINE, 0))
        if when == "before" and item["kind"] == self.kind and item["metadata"]["name"] == BASELINE:
            self.baseline_is_not_taken_away_under_traffic(item)
        elif when == "before" and verb == "apply" and item["kind"] == self.kind:
            self.primary_is_promoted_only_when_judged(item)
        if when == "after" and item["kind"] == "Canary":
            self.journal_is_true(Phase(item["status"]["phase"]))
        if when == "after" and self.route.weights.get(NAME):
            self.users_meet_only_what_is_on_its_way()

    def users_meet_only_what_is_on_its_way(self) -> None:
        """Whatever was pushed since: it has pods of its own only when the traffic is at home."""
        met = {self.rules.reads.revision({"spec": {"template": pod["template"]}}) for pod in self.pods()}
        assert met == {self.status["lastAppliedSpec"]}, "users meet pods that nobody judges"

    def pods(self) -> list[dict[str, Any]]:
        return self.cluster.pods(NAME, NAMESPACE)

    def shift_is_safe(self, weight: int) -> None:
        target = self.workload()
        assert weight in {0, *self.weights, 100}
        assert self.status.get("canaryWeight", 0) == weight or weight == 0, "the intent is written before the act"
        if weight and self.revision == self.status["lastAppliedSpec"]:
            assert self.rules.reads.ready(target), "traffic to no pods"
        if weight == 100:
            assert self.status["phase"] == Phase.PROMOTING

    def nothing_goes_forward_in_a_freeze(self, weight: int) -> None:
        """But what was decided before it. What goes home is never frozen, nor is a promotion that has begun."""
        if time.time() < self.frozen_until and self.route.weights.get(NAME, 0) < weight < 100:
            assert self.decided_before, "a release went forward while it was frozen"
            self.decided_before -= 1

    def freeze(self) -> None:
        """What a person does by `kubectl apply`; it ends by itself."""
        if time.time() >= self.frozen_until:
            self.decided_before = 1
        self.frozen_until = time.time() + FROZEN
        until = datetime.fromtimestamp(self.frozen_until, UTC).isoformat()
        self.cluster.add(freeze_object(f"freeze-{self.writes}", until=until))

    def baseline_is_there(self, share: int) -> None:
        if not share:
            return
        baseline = self.workload(BASELINE)
        assert self.rules.reads.ready(baseline), "traffic to no baseline"
        if self.revision == self.status["lastAppliedSpec"]:
            assert baseline_of(baseline) == self.revision, "compared with pods of an older release"
        primary = self.workload(f"{NAME}-primary")
        ours, theirs = (one["spec"]["template"]["spec"] for one in (baseline, primary))
        assert ours == theirs, "the baseline runs something else than the primary"

    def baseline_is_not_taken_away_under_traffic(self, wanted: dict[str, Any]) -> None:
        now = self.cluster.objects.get((self.kind, NAMESPACE, BASELINE))
        if now is None:
            assert self.size(wanted) == 0
            return
        other = self.rules.reads.revision(wanted) != self.rules.reads.revision(now)
        if other or self.size(wanted) < self.size(now):
            assert not self.route.shares.get(BASELINE), "the baseline's pods are taken away while users meet them"

    def primary_is_promoted_only_when_judged(self, primary: dict[str, Any]) -> None:
        given_ = primary["metadata"]["annotations"][REVISION_ANNOTATION]
        if self.status["phase"] == Phase.INITIALIZING:
            return
        assert self.status["phase"] == Phase.PROMOTING
        passed = {weight: often for (revision, weight), often in self.passed.items() if revision == given_}
        assert set(passed) == self.weights, "promoted without having been judged at every step"
        assert min(passed.values()) >= self.often
        assert self.route.weights[NAME] == 100, "the primary is replaced while it carries traffic"

    def journal_is_true(self, phase: Phase) -> None:
        if phase is not self.phases[-1]:
            assert phase in TRANSITIONS[self.phases[-1]]
            self.phases.append(phase)
        if not phase.in_progress:
            assert self.route.weights[NAME] == 0, "an end with traffic on the canary"
            assert self.size(self.workload()) == 0
            beside = self.cluster.objects.get((self.kind, NAMESPACE, BASELINE))
            assert not self.route.shares.get(BASELINE)
            assert beside is None or self.size(beside) == 0

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
        elif event == "toggle" and self.compared:
            self.toggle()
        elif event == "freeze":
            self.freeze()
        elif event.startswith("push") and not (when == "before" and item["kind"] == self.kind):
            self.push(IMAGES[int(event[-1])])

    def push(self, image: str) -> None:
        """What `kubectl set image` does."""
        target = self.workload()
        (container,) = target["spec"]["template"]["spec"]["containers"]
        self.cluster.add(
            merged(target, {"spec": {"template": {"spec": {"containers": [{**container, "image": image}]}}}})
        )

    def toggle(self) -> None:
        """What somebody does who switches the comparison off in the manifest, or on again."""
        self.toggled = True
        canary = self.cluster.now("Canary", NAME, NAMESPACE)
        asked = None if "comparison" in canary["spec"]["analysis"] else {}
        self.cluster.add(merged(canary, {"spec": {"analysis": {"comparison": asked}}}))

    def at_rest(self) -> bool:
        """Nothing is under way: the next push that is planned happens now. False where there is none."""
        while self.plan:
            event = self.plan.pop(min(self.plan))
            if event.startswith("push"):
                self.push(IMAGES[int(event[-1])])
                return True
        return False

    def now(self) -> float:
        return time.time() + (AHEAD if self.compared else 0)

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        """A request each 20 ms on each part, two seconds a scrape; of a worse canary half of them fail."""
        alike = self.alike.setdefault(self.revision, self.word("alike", "worse") == "alike")
        grid = [2.0 * tick for tick in range(int(start / 2) + 1, int(end / 2) + 1)]
        parts = {"canary": 0.0 if alike else 0.5, "primary": 0.0, "baseline": 0.0}
        return [
            Series(counted_at(half, class_), tuple((at, 50 * at * part) for at in grid))
            for half, bad in parts.items()
            for class_, part in (("2", 1 - bad), ("5", bad))
        ]

    async def value(self, query: str) -> float | None:
        said = self.word("good", "bad")
        if self.compared:
            # The comparison has the last word on the step; it is known by now, unless it is not asked.
            if said == "good" and (self.toggled or self.alike.get(self.revision)):
                self.passed[(self.revision, self.route.weights[NAME])] += 1
            return {"good": 1.0, "bad": 0.0}[said]
        if said == "good":
            self.passed[(self.revision, self.route.weights[NAME])] += 1
        return {"good": 1.0, "bad": 0.0}[said]

    async def ask(self, webhook: Any, canary: Any) -> Answer:
        if not POINTS[webhook.type].when.holds:
            said = self.word("silent", "heard" if webhook.type == "rollback" else "deaf")
            await asyncio.sleep(45 if said == "deaf" else 0)
            return Answer(gate=webhook.name, open=said == "heard", said=said)
        said = self.word("open", "closed")
        return Answer(gate=webhook.name, open=said == "open", said=said)


async def one_run(world: World, name: str) -> Outcome:
    """A run of the flow's own loop without Prefect around it; ends by itself or by a crash, after which it goes on."""
    world.signals.cancelled, world.signals.called_back = False, ""
    ref = RolloutRef(namespace=NAMESPACE, name=NAME, revision=world.left)
    async with claimed(ref, name) as lease:
        try:
            return await to_the_end(world, ref, lease)
        except Crash:
            lease.run = f"{lease.run} of a dead process"  # which gives nothing back
            raise


async def to_the_end(world: World, ref: RolloutRef, lease: Lease) -> Outcome:
    run = await story.resumed(ref)
    run.cleaning, world.left = True, run.ref.revision  # stages as plain code, so that thousands of runs need no Prefect
    if lease.took_over:
        await run.do(fence_out, run.ref)
    for _ in range(MOST_TURNS):
        if run.outcome is not None:
            await run.flush()
            world.left = ""
            return run.outcome
        await story._turn(run)
    raise AssertionError(f"no end after {MOST_TURNS} turns; the last acts were {world.cluster.acts[-8:]}")


async def live(world: World, **more: Any) -> list[Outcome | str]:
    """Run after run, as the watcher and reconcile start them, until nothing is left to do; a new process after a crash."""
    parts: dict[str, Any] = {
        "router": lambda provider, writer: world.route.written_by(writer),
        "services": lambda writer: MemoryServices(world.cluster),
        "metrics": Provided(world),
        "gates": world,
    }
    run_signals.bind(world.signals)
    ends: list[Outcome | str] = []
    for life in range(40):
        try:
            async with connected(world.cluster, f"life-{life}", **parts, **more):
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
    hurry(monkeypatch)


EVENTS = st.sampled_from(["crash", "hiccup", "cancel", "push0", "push1", "push2", "push3", "toggle", "freeze"])
PLANS = st.dictionaries(st.integers(8, 90), EVENTS, max_size=6).map(lambda plan: {**plan, 10: "push1"})
WORDS = st.lists(
    st.sampled_from(["good", "good", "bad", "open", "open", "closed", "alike", "worse", "heard", "deaf"]), max_size=30
)


@given(PLANS, WORDS, st.booleans(), st.sampled_from(sorted(STRATEGIES)), st.sampled_from(sorted(WORKLOADS)))
@example({10: "push1", 30: "freeze", 34: "crash"}, ["bad"], False, "canary", "Deployment")
@example({10: "push1", 23: "push0", 27: "push1", 31: "hiccup"}, ["bad"], False, "canary", "Deployment")
@example({10: "push1", 32: "push3", 38: "crash"}, [], False, "canary", "Deployment")
@example({10: "push1", 26: "crash", 30: "push2", 44: "crash"}, ["worse"], True, "canary", "Deployment")
@example({10: "push1", 30: "crash"}, [], True, "canary", "Deployment")
@example({10: "push1", 26: "crash", 30: "push2", 44: "crash"}, ["worse"], True, "canary", "DaemonSet")
@example({10: "push1", 32: "push3", 38: "crash"}, [], False, "canary", "DaemonSet")
@example({10: "push1", 26: "crash", 34: "hiccup"}, [], False, "blue/green", "Deployment")
def test_whatever_happens_a_rollout_ends_with_the_traffic_at_home(
    plan: dict[int, str], words: list[str], compared: bool, strategy: str, kind: str
) -> None:
    """Crashes, hiccups, cancels, newer revisions, bad checks, closed gates, at any write, with a baseline or without: every
    law holds at each write, and at the end all users are on a primary that runs what the journal says is promoted."""
    world = World(dict(plan), list(words), compared and strategy == "canary", strategy, kind)
    in_no_time(lambda: live(world))
    primary = world.workload(f"{NAME}-primary")
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
    ends = in_no_time(lambda: live(world))
    assert ends[-4:] == ["crash", Outcome.SUPERSEDED, Outcome.PROMOTED, Outcome.UNCHANGED]
    assert promoted
    assert world.status["lastPromotedSpec"] == world.revision != promoted[0]


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize(("word", "end"), [("alike", Outcome.PROMOTED), ("worse", Outcome.ROLLED_BACK)])
def test_a_release_beside_a_baseline_is_judged_by_it(word: str, end: Outcome, kind: str) -> None:
    """The one that is as good is promoted, the one that is worse is rolled back; the baseline has no pods after either."""
    world = World({10: "push1"}, [word], compared=True, kind=kind)
    assert end in in_no_time(lambda: live(world))
    assert world.size(world.workload(BASELINE)) == 0
    shifts = [act for act in world.cluster.acts if act.startswith("shift")]
    assert shifts == [f"shift to {weight}" for weight in ((10, 30, 50, 100, 0) if word == "alike" else (10, 0))]
